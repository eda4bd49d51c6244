import { STATUS_CODES } from 'node:http';
import { emptyType, jsonType, type Answer } from '../answer.ts';
import { toReasonToken } from '../../../shared/protocol/outcome.ts';

/**
 * Renders answers byte for byte as Koa and Node's HTTP server do, so that nobody can tell who answered.
 * @param keepAliveTimeoutMs how long a connection may be idle, as clients are told
 */
export function createAnswerRenderer(
  keepAliveTimeoutMs: number,
): (answer: Answer, requestId: string, isLast: boolean) => string {
  const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n\r\n`;
  const beginningOf = (status: number) => `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: `;
  const usual = beginningOf(200);
  let second = Number.NaN;
  let date = '';

  return ({ status, reason, headers, body }, requestId, isLast) => {
    const now = Date.now();
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000);
      date = new Date(now).toUTCString();
    }
    const told = reason === undefined ? '' : `X-Wafer-Reason: ${toReasonToken(reason)}\r\n`;
    const more = headers === undefined ? '' : renderHeaders(headers);
    const type = body === '' ? emptyType : jsonType;
    return `${status === 200 ? usual : beginningOf(status)}${requestId}\r\nContent-Type: ${type}\r\n${told}${more}Content-Length: ${body.length}\r\nDate: ${date}\r\n${isLast ? 'Connection: close\r\n\r\n' : keepAlive}${body}`;
  };
}

function renderHeaders(headers: readonly string[]): string {
  let lines = '';
  for (let index = 0; index < headers.length; index += 2) lines += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return lines;
}
