import type { Context } from 'koa';
import { returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { toReasonToken, type Failure } from '../../../shared/protocol/outcome.ts';
import { appOfRequest, callerOf } from '../access/caller.ts';
import { findSession, type FoundSession } from '../interfaces/find-session.ts';
import type { InterfaceParts } from '../interfaces/interface.ts';
import { databaseFailure } from '../interfaces/store-failure.ts';
import { requestIdOf } from '../middleware/request-id.ts';
import type { WebMetrics } from '../metrics.ts';

const retryAfterSeconds = 1;

export function isForwardAuth(path: string): boolean {
  return path === '/forward-auth';
}

/**
 * The check of qcloud.cam.auth for gateways (nginx `auth_request`, Traefik, APISIX): credentials in headers, the user's identity in
 * headers. 401 means "this session is not valid" and nothing else; a failure is 503. No body is ever read: a gateway may announce one that it
 * does not send.
 */
export function createForwardAuth({
  parts,
  metrics,
}: {
  parts: Pick<InterfaceParts, 'apps' | 'sessions' | 'visits'>;
  metrics: WebMetrics;
}): (context: Context) => Promise<void> {
  return async (context) => {
    if (context.method !== 'GET' && context.method !== 'HEAD') {
      context.set('Allow', 'GET, HEAD');
      return answer(context, 405, 'method_not_allowed');
    }
    const started = performance.now();
    const id = context.get('X-WX-Id');
    // A header left empty names no app, as gateways that clear it mean it.
    const caller = callerOf(context.req);
    const requestedAppid = appOfRequest(context.get('X-Wafer-Appid') || undefined, caller);
    const skey = context.get('X-WX-Skey');
    const request = { requestId: requestIdOf(context), requestedAppid, caller: caller?.name };
    const found = await findSession(parts, { id, skey }, request).catch(databaseFailure);
    if (found.ok) {
      parts.visits.record(found.session, found.now);
      accept(context, found);
    } else refuse(context, found, requestedAppid !== undefined);
    const returnCode = found.ok ? 0 : returnCodeOf(found);
    metrics.answered('forward-auth', returnCode, (performance.now() - started) / 1000);
    return undefined;
  };
}

/** All three headers always: a gateway that copies only what is there would let a client's own `X-Wafer-Unionid` through. */
function accept(context: Context, { session, app }: FoundSession): void {
  context.status = 200;
  context.set('Cache-Control', 'no-store');
  context.set('X-Wafer-Openid', encodeURIComponent(session.openId));
  context.set('X-Wafer-Unionid', encodeURIComponent(session.unionId));
  context.set('X-Wafer-Appid', encodeURIComponent(session.appid || app.appid));
  context.body = '';
}

function refuse(context: Context, { failure, reason }: Failure, namesApp: boolean): void {
  if (failure === 'sessionInvalid' || (failure === 'noApp' && namesApp)) {
    context.set('WWW-Authenticate', 'Wafer');
    return answer(context, 401, failure === 'noApp' ? 'unknown_app' : 'session_invalid');
  }
  // No app at all is the server's state, not the session's.
  context.set('Retry-After', String(retryAfterSeconds));
  return answer(context, 503, failure === 'noApp' ? 'no_app' : (reason ?? 'store_unavailable'));
}

function answer(context: Context, status: number, cause: string): void {
  const reason = toReasonToken(cause);
  context.status = status;
  context.set('Cache-Control', 'no-store');
  context.set('X-Wafer-Reason', reason);
  context.body = { error: reason };
}
