import { randomBytes } from 'node:crypto';
import type { Context } from 'koa';

const header = 'X-Request-Id';
const acceptable = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * The request's id: the caller's `X-Request-Id` if it is harmless in a log, else a new one. It goes back in the answer and along
 * with a log-in into the worker.
 */
export function requestIdOf(context: Context): string {
  const state = context.state as { requestId?: string };
  if (state.requestId === undefined) {
    const given = context.get(header);
    state.requestId = acceptable.test(given) ? given : randomBytes(8).toString('hex');
    context.set(header, state.requestId);
  }
  return state.requestId;
}
