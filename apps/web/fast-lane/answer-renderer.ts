import { STATUS_CODES } from 'node:http';
import { toReasonToken } from '../../../shared/protocol/outcome.ts';
import type { Answer } from '../routes/mina-auth.ts';

/**
 * Renders answers byte for byte as Node's HTTP server does, so that nobody can tell who answered.
 * @param keepAliveTimeoutMs how long a connection may be idle, as clients are told
 */
export function createAnswerRenderer(
  keepAliveTimeoutMs: number,
): (answer: Answer, requestId: string, isLast: boolean) => string {
  const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n\r\n`;
  let second = Number.NaN;
  let date = '';

  return ({ status, reason, body }, requestId, isLast) => {
    const now = Date.now();
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000);
      date = new Date(now).toUTCString();
    }
    const told = reason === undefined ? '' : `X-Wafer-Reason: ${toReasonToken(reason)}\r\n`;
    return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json;charset=utf-8\r\nX-Request-Id: ${requestId}\r\n${told}Content-Length: ${body.length}\r\nDate: ${date}\r\n${isLast ? 'Connection: close\r\n\r\n' : keepAlive}${body}`;
  };
}
