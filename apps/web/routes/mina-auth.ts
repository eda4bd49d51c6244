import type { RequestListener, ServerResponse } from 'node:http';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { renderEnvelope, returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { parseRequest, readOptional } from '../../../shared/protocol/request.ts';
import type { Interface } from '../interfaces/interface.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';
import { readRawBody } from '../middleware/raw-body.ts';
import { chooseRequestId } from '../middleware/request-id.ts';
import type { WebMetrics } from '../metrics.ts';

/** All three answer directly: SDKs replay a redirected POST as a GET. A query string is ignored. */
const paths = new Set(['/mina_auth/', '/mina_auth', '/mina_auth/index.php']);

export function isMinaAuth(url: string): boolean {
  const query = url.indexOf('?');
  return paths.has(query < 0 ? url : url.slice(0, query));
}

interface Answered {
  /** For the metrics: the interface, or why none was called. */
  readonly name: string;
  readonly outcome: Outcome;
}

/**
 * The protocol over HTTP: bytes in, envelope out. Neither the method nor a content type matters (PROTOCOL.md, 1). It stands before
 * Koa, on the bare request: every auth check comes through here, and Koa's context alone costs as much as the whole check.
 */
export function createMinaAuth(parts: {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly bodyLimitBytes: number;
  readonly metrics: WebMetrics;
  readonly log: Log;
  readonly isStopping: () => boolean;
}): RequestListener {
  const { interfaces, bodyLimitBytes, metrics, log, isStopping } = parts;

  const answer = (body: Buffer, requestId: string): Answered | Promise<Answered> => {
    const request = parseRequest(body);
    if (!request.ok) return { name: 'none', outcome: request };
    const name = typeof request.interfaceName === 'string' ? request.interfaceName : '';
    const call = interfaces.get(name);
    if (call === undefined) return { name: 'unknown', outcome: fail('unknownInterface') };
    const requestedAppid = readOptional(request.interface, 'appid') ?? readOptional(request.para, 'appid');
    const outcome = call(request.para, { requestId, requestedAppid });
    return outcome instanceof Promise ? outcome.then((late) => ({ name, outcome: late })) : { name, outcome };
  };

  return (request, response) => {
    const started = performance.now();
    const requestId = chooseRequestId(request);
    const send = ({ name, outcome }: Answered) => {
      const headers = ['Content-Type', 'application/json;charset=utf-8', 'X-Request-Id', requestId];
      if (!outcome.ok && outcome.reason !== undefined) headers.push('X-Wafer-Reason', outcome.reason);
      respond(response, 200, headers, renderEnvelope(outcome));
      metrics.answered(name, returnCodeOf(outcome), (performance.now() - started) / 1000);
    };
    const crash = (error: unknown) => {
      log.error({ requestId, err: describeError(error) }, 'bug: request failed');
      if (!response.headersSent) respond(response, 500, jsonHeaders(requestId), '{"error":"internal"}');
    };
    // Asks clients to come back on a new connection, which leads to another process.
    if (isStopping()) response.shouldKeepAlive = false;
    readRawBody(request, bodyLimitBytes, (body) => {
      if (body === 'aborted') return;
      if (body === 'too-large') {
        // The rest of the body is not read, so this connection can't carry another request.
        endConnectionAfter(response);
        return respond(response, 413, jsonHeaders(requestId), '{"error":"body_too_large"}');
      }
      try {
        const answered = answer(body, requestId);
        if (answered instanceof Promise) answered.then(send).catch(crash);
        else send(answered);
      } catch (error) {
        crash(error);
      }
    });
  };
}

function jsonHeaders(requestId: string): string[] {
  return ['Content-Type', 'application/json;charset=utf-8', 'X-Request-Id', requestId];
}

/** @param body ASCII, so its length in characters is its length in bytes */
function respond(response: ServerResponse, status: number, headers: string[], body: string): void {
  headers.push('Content-Length', String(body.length));
  response.writeHead(status, headers);
  response.end(body, 'latin1');
}
