import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';

const header = 'X-Request-Id';
const acceptable = /^[A-Za-z0-9._:-]{1,64}$/;

/** Ids of this process: a random beginning, then a count. */
const beginning = randomBytes(6).toString('hex');
let count = 0;

/**
 * The id of a request: the caller's `X-Request-Id` if it is harmless in a log, else a new one. It goes back in the answer and
 * along with a log-in into the worker.
 * @param given the caller's, if it sent one
 */
export function chooseRequestId(given: string | undefined): string {
  return given !== undefined && acceptable.test(given) ? given : `${beginning}-${(count++).toString(36)}`;
}

/** The first `X-Request-Id` of a request. */
function requestIdHeaderOf({ rawHeaders }: IncomingMessage): string | undefined {
  // Not `headers`: there several are one.
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === header.length && name.toLowerCase() === 'x-request-id') return rawHeaders[index + 1];
  }
  return undefined;
}

/** The id of a request that Koa answers; chosen, and told in the answer, the first time. */
export function requestIdOf(context: Context): string {
  const state = context.state as { requestId?: string };
  if (state.requestId === undefined) {
    state.requestId = chooseRequestId(requestIdHeaderOf(context.req));
    context.set(header, state.requestId);
  }
  return state.requestId;
}
