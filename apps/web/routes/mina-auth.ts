import { METHODS } from 'node:http';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { renderEnvelope, returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { parseRequest, readOptional } from '../request.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { isPermitted, permissionOf } from '../../../shared/callers/permissions.ts';
import type { Access } from '../access/access.ts';
import { appNotNamed, appOfRequest, callerOf } from '../access/caller.ts';
import { sendAnswer, sendError, type Answer } from '../answer.ts';
import type { Interface } from '../interfaces/interface.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';
import { readRawBody } from '../middleware/raw-body.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import type { WebMetrics } from '../metrics.ts';
import type { Span, Tracing } from '../../../shared/tracing/span.ts';
import { endRequest, traceparentOf } from '../traced-request.ts';

/** All three answer directly: SDKs replay a redirected POST as a GET. A query string is ignored. */
const paths = new Set(['/mina_auth/', '/mina_auth', '/mina_auth/index.php']);

export function isMinaAuth(url: string): boolean {
  const query = url.indexOf('?');
  return paths.has(query < 0 ? url : url.slice(0, query));
}

/** From a request's body to its answer; at once, if nothing has to be waited for. Never fails. */
export type AnswerBody = (
  body: Buffer,
  requestId: string,
  caller: Caller | undefined,
  traceparent: string | undefined,
) => Answer | Promise<Answer>;

/** The protocol without its transport: bytes in, envelope out. */
export function createMinaAuth(deps: {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly access: Pick<Access, 'refuseCaller'>;
  readonly metrics: WebMetrics;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
}): AnswerBody {
  const { interfaces, access, metrics, tracing, log } = deps;
  const calls = new Map([...interfaces].map(([name, call]) => [name, { call, permission: permissionOf(name) }]));

  return (body, requestId, caller, traceparent) => {
    const started = performance.now();
    let span: Span | undefined;
    const finish = (name: string, outcome: Outcome): Answer => {
      metrics.answered(name, returnCodeOf(outcome), (performance.now() - started) / 1000);
      if (span !== undefined) endRequest(span, outcome, 'POST', '/mina_auth/');
      return { status: 200, reason: outcome.reason, body: renderEnvelope(outcome) };
    };
    const crash = (error: unknown): Answer => {
      log.error({ requestId, err: describeError(error) }, 'bug: request failed');
      span?.fail();
      span?.end();
      return { status: 500, body: '{"error":"internal"}' };
    };
    try {
      const request = parseRequest(body);
      if (!request.ok) return finish('none', request);
      const name = typeof request.interfaceName === 'string' ? request.interfaceName : '';
      const known = calls.get(name);
      if (known === undefined) return finish('unknown', fail('unknownInterface'));
      if (!isPermitted(caller, known.permission)) {
        access.refuseCaller(caller);
        return notPermitted;
      }
      const named = readOptional(request.interface, 'appid') ?? readOptional(request.para, 'appid');
      const requestedAppid = appOfRequest(named, caller);
      const explain = requestedAppid === appNotNamed ? tellNotNamed : asItIs;
      span = tracing?.begin(name, traceparent);
      const outcome = known.call(request.para, { requestId, requestedAppid, caller, span });
      if (outcome instanceof Promise) return outcome.then((late) => finish(name, explain(late))).catch(crash);
      return finish(name, explain(outcome));
    } catch (error) {
      return crash(error);
    }
  };
}

/** As the gate refuses: what a caller may not call it does not even get an envelope of. */
const notPermitted: Answer = {
  status: 403,
  reason: 'caller_not_permitted',
  body: '{"error":"caller_not_permitted"}',
};

const asItIs = (outcome: Outcome): Outcome => outcome;
const tellNotNamed = (outcome: Outcome): Outcome =>
  !outcome.ok && outcome.failure === 'noApp' ? fail('noApp', 'app_not_named') : outcome;

/** The protocol over Koa. Neither the method nor a content type matters (docs/protocol.md#envelope). */
export function addMinaAuth(answer: AnswerBody, bodyLimitBytes: number): (router: Router) => void {
  return (router) =>
    router.register([...paths], METHODS, async (context) => {
      const body = await readBody(context, bodyLimitBytes);
      if (body === 'too-large') sendError(context, 413, 'body_too_large');
      else if (body !== 'aborted')
        sendAnswer(context, await answer(body, requestIdOf(context), callerOf(context), traceparentOf(context)));
    });
}

function readBody({ req, res }: Context, limitBytes: number): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) =>
    readRawBody(req, limitBytes, (body) => {
      // The rest of the body is not read, so this connection can't carry another request; from now on, not from the answer on.
      if (body === 'too-large') endConnectionAfter(res);
      resolve(body);
    }),
  );
}
