import type { IncomingMessage, RequestListener } from 'node:http';
import type { Middleware } from 'koa';
import { sendError } from '../answer.ts';
import { endConnectionAfter } from './ending-connection.ts';

const expecting = new WeakSet<IncomingMessage>();

/** For requests that send their body only when they are told to, with `Expect: 100-continue`. */
export function noteExpectation(handle: RequestListener): RequestListener {
  return (request, response) => {
    expecting.add(request);
    handle(request, response);
  };
}

/** Tells those who passed the gate, and have not announced too much, to send the body. */
export function createExpectation(bodyLimitBytes: number): Middleware {
  return (context, next) => {
    if (expecting.has(context.req)) {
      if (Number(context.get('Content-Length')) > bodyLimitBytes) {
        // At once: what was sent behind this request may be the next to be judged.
        endConnectionAfter(context.res);
        return sendError(context, 413, 'body_too_large');
      }
      context.res.writeContinue();
    }
    return next();
  };
}
