import { STATUS_CODES } from 'node:http';
import type { Context, Middleware } from 'koa';
import { createOncePerSecond, describeError, type Log } from '../../shared/log/log.ts';
import { requestIdOf } from '../../shared/http/request-id.ts';
import type { ApiProblem } from './api/problem.ts';
import { findProblem, internalProblem, isRedisRefusal, notFound } from './api/to-problem.ts';
import { stateOf } from './state.ts';

/** Told to the log: who was not let, and what is not as it should be. */
const worthALine = new Set([401, 403, 409, 421, 429, 503]);

/** The one place where what was thrown becomes an answer: `application/problem+json` (RFC 9457). */
export function createProblemExit(log: Log): Middleware {
  const oncePerSecondOf = new Map<string, ReturnType<typeof createOncePerSecond>>();
  return async (context, next) => {
    try {
      await next();
      if (context.status === 404 && context.body === undefined) throw notFound();
    } catch (error) {
      const problem = findProblem(error);
      const requestId = requestIdOf(context);
      if (problem === undefined) log.error({ requestId, err: describeError(error) }, 'bug: request failed');
      else if (worthALine.has(problem.status)) {
        const { who, operationId, address } = stateOf(context);
        const { status, code } = problem;
        // Each kind for itself, and there are few: nobody hides tries of a password behind other refusals.
        const oncePerSecond = oncePerSecondOf.get(code) ?? createOncePerSecond();
        oncePerSecondOf.set(code, oncePerSecond);
        const why = isRedisRefusal(error) ? { err: describeError(error) } : {};
        const line = { requestId, status, reason: code, operationId, operator: who?.name, address, ...why };
        oncePerSecond((leftOut) => log.warn({ ...line, ...(leftOut > 0 ? { alsoRefused: leftOut } : {}) }, 'refused'));
      }
      sendProblem(context, problem ?? internalProblem());
    }
  };
}

function sendProblem(context: Context, { status, code, message, faults, headers }: ApiProblem): void {
  context.status = status;
  context.set(headers);
  context.set('Cache-Control', 'no-store');
  context.body = JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: message,
    code,
    requestId: requestIdOf(context),
    ...(faults === undefined ? {} : { faults }),
  });
  context.set('Content-Type', 'application/problem+json; charset=utf-8');
}
