import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import type { Session } from '../../../shared/session/session.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { InterfaceParts, RequestContext } from './interface.ts';

export interface FoundSession {
  readonly ok: true;
  readonly session: Session;
  /** The session's own app; the default app if it has none or its app is gone. */
  readonly app: App;
  readonly now: number;
}

/** The same at once, if this process remembers the session and the settings are fresh; undefined: it has to be asked. */
export function recallSession(
  { apps, sessions }: Pick<InterfaceParts, 'apps' | 'sessions'>,
  { id, skey }: { id: unknown; skey: unknown },
  { requestedAppid }: RequestContext,
): FoundSession | undefined {
  const configured = apps.fresh();
  const chosen = configured === undefined ? undefined : chooseApp(configured, requestedAppid);
  if (configured === undefined || chosen === undefined) return undefined;
  const scope = requestedAppid === undefined ? { apps: configured } : { apps: configured, named: chosen };
  const now = nowSeconds();
  const session = sessions.recallValid(id, skey, scope, now);
  if (session === undefined) return undefined;
  return { ok: true, session, app: configured.byAppid.get(session.appid) ?? chosen, now };
}

/**
 * The step that every interface with id and skey begins with: the app that is asked for, then the valid session.
 * @returns 1012 without such an app, `whenInvalid` without such a session
 * @throws failures of the stores
 */
export async function findSession(
  { apps, sessions }: Pick<InterfaceParts, 'apps' | 'sessions'>,
  { id, skey }: { id: unknown; skey: unknown },
  { requestedAppid }: RequestContext,
  whenInvalid: Failure = fail('sessionInvalid'),
): Promise<FoundSession | Failure> {
  const configured = await apps.current();
  const chosen = chooseApp(configured, requestedAppid);
  if (chosen === undefined) return fail('noApp');
  const scope = requestedAppid === undefined ? { apps: configured } : { apps: configured, named: chosen };
  const now = nowSeconds();
  const session = await sessions.findValid(id, skey, scope, now);
  if (session === undefined) return whenInvalid;
  return { ok: true, session, app: configured.byAppid.get(session.appid) ?? chosen, now };
}
