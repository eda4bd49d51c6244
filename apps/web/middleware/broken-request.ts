import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { jsonType } from '../answer.ts';
import { endConnectionAfter } from './ending-connection.ts';

/** What the HTTP parser found, as a status; anything else that is no HTTP is 400. */
const statuses: Readonly<Record<string, readonly [status: number, error: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'body_too_large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout'],
};

/**
 * Answers what never became a request, with JSON as everything else, and ends the connection: where one request is not understood, nobody knows
 * where the next begins.
 */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason] = statuses[error.code ?? ''] ?? [400, 'bad_request'];
  const body = `{"error":"${reason}"}`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${jsonType}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  socket.destroySoon();
}

/** An `Expect` that is not 100-continue: the body was not sent, so the connection ends with this answer. */
export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const body = '{"error":"expectation_failed"}';
  endConnectionAfter(response);
  response.writeHead(417, { 'Content-Type': jsonType, 'Content-Length': body.length }).end(body);
}
