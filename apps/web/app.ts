import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Log } from '../../shared/log/log.ts';
import { createErrorExit } from './middleware/error-exit.ts';
import { requestIdOf } from './middleware/request-id.ts';
import { isForwardAuth } from './routes/forward-auth.ts';

/** Everything but the protocol itself, in the order in which a request passes: error exit, shutdown notice, route. */
export function createApp(parts: {
  readonly log: Log;
  readonly forwardAuth: (context: Context) => Promise<void>;
  /** Everything else. */
  readonly routers: readonly Router[];
  readonly bodyLimitBytes: number;
  readonly isStopping: () => boolean;
}): Koa {
  const { log, forwardAuth, routers, bodyLimitBytes, isStopping } = parts;
  const app = new Koa();
  app.on('error', () => {});
  app.use(createErrorExit(log));
  app.use(async (context, next) => {
    requestIdOf(context);
    // Asks clients to come back on a new connection, which leads to another process.
    if (isStopping()) context.set('Connection', 'close');
    // Passes the router and the parser by: a hot path that reads no body.
    return isForwardAuth(context.path) ? forwardAuth(context) : next();
  });
  app.use(bodyParser({ jsonLimit: `${bodyLimitBytes}b`, enableTypes: ['json'] }));
  for (const router of routers) app.use(router.routes());
  for (const router of routers) app.use(router.allowedMethods());
  return app;
}
