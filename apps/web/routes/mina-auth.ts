import type { RequestListener, ServerResponse } from 'node:http';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { renderEnvelope, returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, toReasonToken, type Outcome } from '../../../shared/protocol/outcome.ts';
import { parseRequest, readOptional } from '../../../shared/protocol/request.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { appOfRequest, callerOf } from '../access/caller.ts';
import type { Interface } from '../interfaces/interface.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';
import { readRawBody } from '../middleware/raw-body.ts';
import { chooseRequestId, requestIdHeaderOf } from '../middleware/request-id.ts';
import type { WebMetrics } from '../metrics.ts';

/** All three answer directly: SDKs replay a redirected POST as a GET. A query string is ignored. */
const paths = new Set(['/mina_auth/', '/mina_auth', '/mina_auth/index.php']);

export function isMinaAuth(url: string): boolean {
  const query = url.indexOf('?');
  return paths.has(query < 0 ? url : url.slice(0, query));
}

/** An answer of the protocol, or that there is none. */
export interface Answer {
  readonly status: 200 | 500;
  /** For the header `X-Wafer-Reason`. */
  readonly reason?: string | undefined;
  /** ASCII JSON. */
  readonly body: string;
}

/** From a request's body to its answer; at once, if nothing has to be waited for. Never fails. */
export type AnswerBody = (body: Buffer, requestId: string, caller?: Caller) => Answer | Promise<Answer>;

/** The protocol without its transport: bytes in, envelope out. */
export function createMinaAuth(parts: {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly metrics: WebMetrics;
  readonly log: Log;
}): AnswerBody {
  const { interfaces, metrics, log } = parts;

  return (body, requestId, caller) => {
    const started = performance.now();
    const finish = (name: string, outcome: Outcome): Answer => {
      metrics.answered(name, returnCodeOf(outcome), (performance.now() - started) / 1000);
      return { status: 200, reason: outcome.ok ? undefined : outcome.reason, body: renderEnvelope(outcome) };
    };
    const crash = (error: unknown): Answer => {
      log.error({ requestId, err: describeError(error) }, 'bug: request failed');
      return { status: 500, body: '{"error":"internal"}' };
    };
    try {
      const request = parseRequest(body);
      if (!request.ok) return finish('none', request);
      const name = typeof request.interfaceName === 'string' ? request.interfaceName : '';
      const call = interfaces.get(name);
      if (call === undefined) return finish('unknown', fail('unknownInterface'));
      const named = readOptional(request.interface, 'appid') ?? readOptional(request.para, 'appid');
      const requestedAppid = appOfRequest(named, caller);
      const outcome = call(request.para, { requestId, requestedAppid, caller: caller?.name });
      if (outcome instanceof Promise) return outcome.then((late) => finish(name, late)).catch(crash);
      return finish(name, outcome);
    } catch (error) {
      return crash(error);
    }
  };
}

/**
 * The protocol over Node's HTTP server. Neither the method nor a content type matters (docs/protocol.md#envelope). It
 * stands before Koa, on the bare request: Koa's context alone costs as much as the whole check. Most requests are not
 * even read by Node (fast-lane.ts).
 */
export function createMinaAuthListener(parts: {
  readonly answer: AnswerBody;
  readonly bodyLimitBytes: number;
  readonly isStopping: () => boolean;
}): RequestListener {
  const { answer, bodyLimitBytes, isStopping } = parts;

  return (request, response) => {
    const requestId = chooseRequestId(requestIdHeaderOf(request));
    const send = ({ status, reason, body }: Answer) => respond(response, status, requestId, body, reason);
    // Asks clients to come back on a new connection, which leads to another process.
    if (isStopping()) response.shouldKeepAlive = false;
    readRawBody(request, bodyLimitBytes, (body) => {
      if (body === 'aborted') return;
      if (body === 'too-large') {
        // The rest of the body is not read, so this connection can't carry another request.
        endConnectionAfter(response);
        return respond(response, 413, requestId, '{"error":"body_too_large"}');
      }
      const answered = answer(body, requestId, callerOf(request));
      if (answered instanceof Promise) void answered.then(send);
      else send(answered);
    });
  };
}

/** @param body ASCII, so its length in characters is its length in bytes */
function respond(response: ServerResponse, status: number, requestId: string, body: string, reason?: string): void {
  const headers = ['Content-Type', 'application/json;charset=utf-8', 'X-Request-Id', requestId];
  if (reason !== undefined) headers.push('X-Wafer-Reason', toReasonToken(reason));
  headers.push('Content-Length', String(body.length));
  response.writeHead(status, headers);
  response.end(body, 'latin1');
}
