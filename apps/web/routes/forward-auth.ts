import { METHODS, type IncomingMessage } from 'node:http';
import type { Router } from '@koa/router';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { toReasonToken, type Failure } from '../../../shared/protocol/outcome.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { appNotNamed, appOfRequest, callerOf } from '../access/caller.ts';
import { sendAnswer, type Answer } from '../answer.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';
import { checkCredentials, type FoundSession } from '../interfaces/find-session.ts';
import type { InterfaceDeps } from '../interfaces/interface.ts';
import { databaseFailure } from '../interfaces/store-failure.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import type { WebMetrics } from '../metrics.ts';
import type { Tracing } from '../../../shared/tracing/span.ts';
import { endRequest, traceparentOf } from '../traced-request.ts';

const forwardAuthPath = '/forward-auth';
const retryAfterSeconds = '1';

export function isForwardAuth(path: string): boolean {
  return path === forwardAuthPath;
}

/** From headers, as they were sent; empty: left out. */
export interface Credentials {
  /** `X-WX-Id` */
  readonly id: string;
  /** `X-WX-Skey` */
  readonly skey: string;
  /** `X-Wafer-Appid`. Gateways that clear it leave it empty, and mean no app. */
  readonly appid: string;
}

/** From credentials to the answer; at once, if nothing has to be waited for. Never fails. */
export type CheckCredentials = (
  credentials: Credentials,
  requestId: string,
  caller: Caller | undefined,
  traceparent: string | undefined,
) => Answer | Promise<Answer>;

/**
 * The check of qcloud.cam.auth for gateways (nginx `auth_request`, Traefik, APISIX): credentials in headers, the user's
 * identity in headers. 401 means "this session is not valid" and nothing else; a failure is 503.
 */
export function createForwardAuth(
  deps: Pick<InterfaceDeps, 'apps' | 'sessions' | 'visits' | 'checkLog'> & {
    readonly metrics: WebMetrics;
    readonly tracing: Tracing | undefined;
    readonly log: Log;
  },
): CheckCredentials {
  const { visits, metrics, tracing, log } = deps;
  return ({ id, skey, appid }, requestId, caller, traceparent) => {
    const started = performance.now();
    const span = tracing?.begin('forward-auth', traceparent);
    const requestedAppid = appOfRequest(appid === '' ? undefined : appid, caller);
    const finish = (found: FoundSession | Failure): Answer => {
      if (found.ok) visits.record(found.session, found.now);
      metrics.answered('forward-auth', found.ok ? 0 : returnCodeOf(found), (performance.now() - started) / 1000);
      if (span !== undefined) endRequest(span, found, 'GET', '/forward-auth');
      if (found.ok) return accept(found);
      if (requestedAppid === appNotNamed) return notNamed;
      return refuse(found, requestedAppid !== undefined);
    };
    const crash = (error: unknown): Answer => {
      log.error({ requestId, err: describeError(error) }, 'bug: request failed');
      span?.fail();
      span?.end();
      return { status: 500, body: '{"error":"internal"}' };
    };
    try {
      const found = checkCredentials(deps, { id, skey }, { requestId, requestedAppid, span });
      if (found instanceof Promise) return found.catch(databaseFailure).then(finish).catch(crash);
      return finish(found);
    } catch (error) {
      return crash(error);
    }
  };
}

/**
 * The check over Koa. No body is ever read: a gateway may announce one that it does not send. What comes next on such a connection may be
 * that body or a request, so there is no next.
 */
export function addForwardAuth(check: CheckCredentials): (router: Router) => void {
  return (router) =>
    router.register(forwardAuthPath, METHODS, async (context) => {
      if (announcesBody(context.req)) endConnectionAfter(context.res);
      if (context.method !== 'GET' && context.method !== 'HEAD')
        return sendAnswer(context, answerWithCause(405, 'method_not_allowed', 'Allow', 'GET, HEAD'));
      const credentials = {
        id: context.get('X-WX-Id'),
        skey: context.get('X-WX-Skey'),
        appid: context.get('X-Wafer-Appid'),
      };
      return sendAnswer(
        context,
        await check(credentials, requestIdOf(context), callerOf(context), traceparentOf(context)),
      );
    });
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** All three headers always: a gateway that copies only what is there would let a client's own `X-Wafer-Unionid` through. */
function accept({ session, app }: FoundSession): Answer {
  return {
    status: 200,
    headers: [
      'Cache-Control',
      'no-store',
      'X-Wafer-Openid',
      encodeURIComponent(session.openId),
      'X-Wafer-Unionid',
      encodeURIComponent(session.unionId),
      'X-Wafer-Appid',
      encodeURIComponent(session.appid || app.appid),
    ],
    body: '',
  };
}

/** The gateway's fault, not the session's. */
const notNamed: Answer = {
  status: 403,
  reason: 'app_not_named',
  headers: ['Cache-Control', 'no-store'],
  body: '{"error":"app_not_named"}',
};

function refuse({ failure, reason }: Failure, namesApp: boolean): Answer {
  if (failure === 'sessionInvalid' || (failure === 'noApp' && namesApp)) {
    const cause = failure === 'noApp' ? 'unknown_app' : 'session_invalid';
    const answer = answerWithCause(401, cause, 'WWW-Authenticate', 'Wafer');
    // Why it ended is in the header alone: the body is what it always was.
    return reason === undefined ? answer : { ...answer, reason };
  }
  // No app at all is the server's state, not the session's.
  const cause = failure === 'noApp' ? 'no_app' : (reason ?? 'store_unavailable');
  return answerWithCause(503, cause, 'Retry-After', retryAfterSeconds);
}

function answerWithCause(status: number, cause: string, name: string, value: string): Answer {
  const reason = toReasonToken(cause);
  const headers = [name, value, 'Cache-Control', 'no-store'];
  return { status, reason, headers, body: `{"error":"${reason}"}` };
}
