import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { chooseApp, type Apps } from '../../../shared/session/app-settings.ts';
import type { Session } from '../../../shared/session/session.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { SessionCheck } from '../sessions/session-check.ts';
import type { Refusal } from '../sessions/session-validity.ts';
import { appResultOf } from './app-result.ts';
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
type Context = Pick<RequestContext, 'requestedAppid' | 'span'>;
type CheckDeps = Pick<InterfaceDeps, 'apps' | 'sessions' | 'metrics' | 'checkLog'>;

const invalid = fail('sessionInvalid');

/**
 * The step that every interface with id and skey begins with: the app that is asked for, then the valid session. At
 * once if this process remembers the session, as it does most.
 * @returns 1012 without such an app; `whenInvalid` without such a session: if it once had this skey, with why it ended
 * @throws when a store fails: the promise rejects
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

/** As {@link findSession}, for requests that ask for nothing else. Each is counted as a check of its app, if there is such an app. */
export function checkCredentials(
  deps: CheckDeps,
  credentials: Credentials,
  context: Context & Pick<RequestContext, 'requestId'>,
): FoundSession | Failure | Promise<FoundSession | Failure> {
  const { checkLog } = deps;
  if (checkLog.every === 0) return check(deps, credentials, context);
  const startedAt = performance.now();
  const found = check(deps, credentials, context);
  checkLog.note(found, startedAt, context.requestId);
  return found;
}

function check(
  { apps, sessions, metrics }: CheckDeps,
  credentials: Credentials,
  context: Context,
): FoundSession | Failure | Promise<FoundSession | Failure> {
  const fresh = apps.fresh();
  return fresh === undefined
    ? apps.current().then((configured) => findAmong(configured, sessions, credentials, context, invalid, metrics))
    : findAmong(fresh, sessions, credentials, context, invalid, metrics);
}

function findAmong(
  apps: Apps,
  sessions: SessionCheck,
  { id, skey }: Credentials,
  { requestedAppid, span }: Context,
  whenInvalid: Failure,
  metrics?: InterfaceDeps['metrics'],
): FoundSession | Failure | Promise<FoundSession | Failure> {
  const chosen = chooseApp(apps, requestedAppid);
  if (chosen === undefined) return fail('noApp');
  const now = nowSeconds();
  const scope = requestedAppid === undefined ? { apps } : { apps, named: chosen };
  const found = sessions.findValid(id, skey, scope, now, span);
  if (!(found instanceof Promise))
    return countAs(toFound(found, apps, chosen, now, whenInvalid), apps, chosen, metrics);
  return found.then(
    (late) => countAs(toFound(late, apps, chosen, now, whenInvalid), apps, chosen, metrics),
    (error: unknown) => {
      metrics?.checked(apps, chosen.appid, 'failed');
      throw error;
    },
  );
}

/** Here and not where it is asked for: what there is to count it by is known here. */
function countAs(
  found: FoundSession | Failure,
  apps: Apps,
  chosen: App,
  metrics: InterfaceDeps['metrics'] | undefined,
): FoundSession | Failure {
  metrics?.checked(apps, found.ok ? found.app.appid : chosen.appid, appResultOf(found));
  return found;
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
