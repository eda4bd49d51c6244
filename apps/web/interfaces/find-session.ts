import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { chooseApp, type Apps } from '../../../shared/session/app-settings.ts';
import type { Session } from '../../../shared/session/session.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { SessionCheck } from '../sessions/session-check.ts';
import type { Refusal } from '../sessions/session-validity.ts';
import type { InterfaceDeps, RequestContext } from './interface.ts';

export interface FoundSession {
  readonly ok: true;
  readonly session: Session;
  /** The session's own app; the default app if it has none or its app is gone. */
  readonly app: App;
  readonly now: number;
}

/** What a request brings. */
type Credentials = { readonly id: unknown; readonly skey: unknown };
type Context = Pick<RequestContext, 'requestedAppid'>;

const invalid = fail('sessionInvalid');

/**
 * The step that every interface with id and skey begins with: the app that is asked for, then the valid session. At
 * once if this process remembers the session, as it does most.
 * @returns 1012 without such an app; `whenInvalid` without such a session, with why it ended if the skey was its
 * @throws failures of the stores; as a rejection
 */
export function findSession(
  { apps, sessions }: Pick<InterfaceDeps, 'apps' | 'sessions'>,
  credentials: Credentials,
  context: Context,
  whenInvalid: Failure = invalid,
): FoundSession | Failure | Promise<FoundSession | Failure> {
  const fresh = apps.fresh();
  return fresh === undefined
    ? apps.current().then((configured) => findAmong(configured, sessions, credentials, context, whenInvalid))
    : findAmong(fresh, sessions, credentials, context, whenInvalid);
}

function findAmong(
  apps: Apps,
  sessions: SessionCheck,
  { id, skey }: Credentials,
  { requestedAppid }: Context,
  whenInvalid: Failure,
): FoundSession | Failure | Promise<FoundSession | Failure> {
  const chosen = chooseApp(apps, requestedAppid);
  if (chosen === undefined) return fail('noApp');
  const now = nowSeconds();
  const scope = requestedAppid === undefined ? { apps } : { apps, named: chosen };
  const found = sessions.findValid(id, skey, scope, now);
  return found instanceof Promise
    ? found.then((late) => toFound(late, apps, chosen, now, whenInvalid))
    : toFound(found, apps, chosen, now, whenInvalid);
}

function toFound(
  found: Session | Refusal,
  apps: Apps,
  chosen: App,
  now: number,
  whenInvalid: Failure,
): FoundSession | Failure {
  if (found === 'unknown') return whenInvalid;
  if (typeof found === 'string') return fail(whenInvalid.failure, found);
  return { ok: true, session: found, app: apps.byAppid.get(found.appid) ?? chosen, now };
}
