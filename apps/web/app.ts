import Koa from 'koa';
import { Router } from '@koa/router';
import type { Log } from '../../shared/log/log.ts';
import type { Gate } from './access/gate.ts';
import { createErrorExit } from './middleware/error-exit.ts';
import { createExpectation } from './middleware/expectation.ts';
import { requestIdOf } from '../../shared/http/request-id.ts';

/** Everything that the front end answers, in the order in which a request passes: error exit, id, shutdown notice, gate, Expect, route. */
export function createApp(deps: {
  readonly log: Log;
  readonly gate: Gate;
  /** Each adds its paths. */
  readonly routes: readonly ((router: Router) => void)[];
  readonly bodyLimitBytes: number;
  readonly stopping: AbortSignal;
}): Koa {
  const { log, gate, routes, bodyLimitBytes, stopping } = deps;
  const app = new Koa();
  app.on('error', () => {});
  app.use(createErrorExit(log));
  app.use((context, next) => {
    requestIdOf(context);
    // Asks clients to come back on a new connection, which leads to another process.
    if (stopping.aborted) context.res.shouldKeepAlive = false;
    return next();
  });
  app.use(gate.pass);
  app.use(createExpectation(bodyLimitBytes));
  // Other spellings are other paths: what a proxy refuses by its name has no second one.
  const router = new Router({ strict: true, sensitive: true });
  for (const add of routes) add(router);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}
