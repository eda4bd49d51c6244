import type { Context } from 'koa';
import { toReasonToken } from '../../shared/protocol/outcome.ts';

/** An answer, for Koa and the fast lane to send: header `X-Request-Id` apart, the same bytes from both. */
export interface Answer {
  readonly status: number;
  /** For the header `X-Wafer-Reason`. */
  readonly reason?: string | undefined;
  /** More headers: name, value, name, value. */
  readonly headers?: readonly string[];
  /** ASCII: JSON, or nothing. */
  readonly body: string;
}

export const jsonType = 'application/json;charset=utf-8';
/** What Koa says of an empty text. */
export const emptyType = 'text/plain; charset=utf-8';

export function sendAnswer(context: Context, { status, reason, headers = [], body }: Answer): void {
  context.status = status;
  context.set('Content-Type', body === '' ? emptyType : jsonType);
  if (reason !== undefined) context.set('X-Wafer-Reason', toReasonToken(reason));
  for (let index = 0; index < headers.length; index += 2)
    context.set(headers[index] as string, headers[index + 1] as string);
  context.body = body;
}

export function sendError(context: Context, status: number, error: string): void {
  sendAnswer(context, { status, body: `{"error":"${error}"}` });
}
