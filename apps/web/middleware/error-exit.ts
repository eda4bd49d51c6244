import type { Middleware } from 'koa';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { endConnectionAfter } from './ending-connection.ts';
import { requestIdOf } from './request-id.ts';

/** The one place where what was thrown becomes an answer. A protocol failure never gets here: it is an outcome, not an error. */
export function createErrorExit(log: Log): Middleware {
  return async (context, next) => {
    const answer = (status: number, error: string) => {
      context.status = status;
      context.body = { error };
    };
    try {
      await next();
      if (context.status === 404 && context.body === undefined) answer(404, 'not_found');
    } catch (error) {
      const status = (error as { status?: unknown }).status;
      if (status === 413) {
        // The rest of the body is not read, so this connection can't carry another request.
        endConnectionAfter(context.res);
        answer(413, 'body_too_large');
      } else if (typeof status === 'number' && status >= 400 && status < 500) {
        answer(status, 'bad_request');
      } else {
        log.error({ requestId: requestIdOf(context), err: describeError(error) }, 'bug: request failed');
        answer(500, 'internal');
      }
    }
  };
}
