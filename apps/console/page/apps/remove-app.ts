import { confirmAct } from '../acts.ts';
import { ask } from '../api/client.ts';
import { words } from '../messages/index.ts';

interface Removal {
  /** About so many, those that are over included. */
  readonly sessions: number;
  /** Names of those whose keys are for this app. */
  readonly callers: readonly string[];
  readonly defaultNow: string | null;
}

export function removeApp(appid: string): Promise<Removal | undefined> {
  const path = `/apps/${encodeURIComponent(appid)}`;
  return confirmAct({
    title: words.value.apps.removeTitle(appid),
    foresee: () => ask<Removal>('DELETE', path, { body: { dryRun: true } }),
    describe: ({ sessions, callers, defaultNow }) => {
      const say = words.value.apps;
      return [
        say.willRemove(sessions),
        ...(callers.length > 0 ? [say.willUnbind(callers.join(', '))] : []),
        defaultNow === null ? say.willLeaveNone : say.willBeDefault(defaultNow),
        say.willRemoveAfter,
      ];
    },
    label: () => words.value.apps.removeLabel,
    typed: () => appid,
    carryOut: (idempotencyKey) => ask<Removal>('DELETE', path, { body: {}, idempotencyKey }),
  });
}
