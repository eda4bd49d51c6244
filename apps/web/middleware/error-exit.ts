import type { Middleware } from 'koa';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { sendError } from '../answer.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';

/** The one place where what was thrown becomes an answer. A protocol failure never gets here: it is an outcome, not an error. */
export function createErrorExit(log: Log): Middleware {
  return async (context, next) => {
    try {
      await next();
      if (context.status === 404 && context.body === undefined) sendError(context, 404, 'not_found');
    } catch (error) {
      const status = (error as { status?: unknown }).status;
      if (typeof status === 'number' && status >= 400 && status < 500) return sendError(context, status, 'bad_request');
      log.error({ requestId: requestIdOf(context), err: describeError(error) }, 'bug: request failed');
      sendError(context, 500, 'internal');
    }
  };
}
