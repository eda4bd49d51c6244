import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Log } from '../../shared/log/log.ts';
import { createErrorExit } from './middleware/error-exit.ts';
import { requestIdOf } from './middleware/request-id.ts';
import { isMinaAuth } from './routes/mina-auth.ts';

/** The order in which a request passes: error exit, shutdown notice, then the protocol or everything else. */
export function createApp(parts: {
  readonly log: Log;
  readonly minaAuth: (context: Context) => Promise<void>;
  readonly operations: Router;
  readonly bodyLimitBytes: number;
  readonly isStopping: () => boolean;
}): Koa {
  const { log, minaAuth, operations, bodyLimitBytes, isStopping } = parts;
  const app = new Koa();
  app.on('error', () => {});
  app.use(createErrorExit(log));
  app.use(async (context, next) => {
    requestIdOf(context);
    // Asks clients to come back on a new connection, which leads to another process.
    if (isStopping()) context.set('Connection', 'close');
    // The protocol passes the router and the parser by: it is the hot path, and it judges raw bytes.
    return isMinaAuth(context.path) ? minaAuth(context) : next();
  });
  app.use(bodyParser({ jsonLimit: `${bodyLimitBytes}b`, enableTypes: ['json'] }));
  app.use(operations.routes());
  app.use(operations.allowedMethods());
  return app;
}
