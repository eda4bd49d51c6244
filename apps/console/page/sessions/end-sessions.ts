import { confirmAct } from '../acts.ts';
import { ask } from '../api/client.ts';
import { words } from '../messages/index.ts';

/** What an end hits, or would hit. */
export interface Ended {
  /** Those that are over included; of an app about so many. */
  readonly sessions: number;
  /** How many of them somebody can use; left out of an app, where nobody counts. */
  readonly live?: number;
}

export function endSession(row: number): Promise<Ended | undefined> {
  return end(words.value.sessions.endOneTitle, `/sessions/${row}/revoke`, {});
}

export function endUser(user: {
  readonly openId?: string | undefined;
  readonly unionId?: string | undefined;
  readonly appid?: string | undefined;
}): Promise<Ended | undefined> {
  return end(words.value.sessions.endUserTitle, '/users/revoke', user);
}

/** Of everybody: the appid has to be typed. */
export function endApp(appid: string): Promise<Ended | undefined> {
  return end(words.value.sessions.endAppTitle(appid), `/apps/${encodeURIComponent(appid)}/revoke`, {}, appid);
}

function end(title: string, path: string, body: object, typed?: string): Promise<Ended | undefined> {
  return confirmAct({
    title,
    foresee: () => ask<Ended>('POST', path, { body: { ...body, dryRun: true } }),
    describe: ({ live, sessions }) => {
      const say = words.value.sessions;
      if (live === 0) return [say.nothingToEnd];
      return [live === undefined ? say.willEndApp(sessions) : say.willEnd(live), say.willEndAfter];
    },
    label: ({ live }) => (live === undefined ? words.value.sessions.endAll : words.value.sessions.endLabel(live)),
    isNothing: ({ live }) => live === 0,
    typed: () => typed,
    carryOut: (idempotencyKey) => ask<Ended>('POST', path, { body, idempotencyKey }),
  });
}
