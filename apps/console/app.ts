import Koa from 'koa';
import { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { clientAddressOf } from '../../shared/http/client-address.ts';
import { requestIdOf } from '../../shared/http/request-id.ts';
import type { ClientList } from '../../shared/config/client-list.ts';
import type { Log } from '../../shared/log/log.ts';
import { ApiProblem } from './api/problem.ts';
import type { Origins } from './origins.ts';
import { createProblemExit } from './problem-exit.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { bearerOf } from './accounts/bearer.ts';
import { stateOf } from './state.ts';

/**
 * Everything that the console answers, in the order in which a request passes: count, error exit, id, headers, health and figures, name
 * of the host, page, who it is, route. A route reads its body once it is known who may.
 */
export function createApp(deps: {
  readonly log: Log;
  readonly origins: Origins;
  readonly trustedProxies: ClientList;
  readonly stopping: AbortSignal;
  /** Sees every request and its answer. */
  readonly measure: Middleware;
  readonly health: Middleware;
  /** Figures for Prometheus. */
  readonly figures: Middleware;
  readonly page: Middleware;
  /** Who it is that asks. */
  readonly who: (app: Koa) => readonly Middleware[];
  /** Each adds its paths. */
  readonly routes: readonly ((router: Router) => void)[];
}): Koa {
  const { log, origins, trustedProxies, stopping, measure, health, figures, page, who, routes } = deps;
  const app = new Koa();
  app.on('error', () => {});
  app.use(measure);
  app.use(createProblemExit(log));
  app.use((context, next) => {
    requestIdOf(context);
    stateOf(context).address = clientAddressOf(context.req, trustedProxies);
    if (stopping.aborted) context.res.shouldKeepAlive = false;
    return next();
  });
  app.use(createSecurityHeaders(origins.isSecure));
  app.use(health);
  app.use(figures);
  app.use((context, next) => {
    // A page of a stranger's that reaches this console by a name of its own has no token of a program.
    if (bearerOf(context) !== undefined || origins.isAddressed(context)) return next();
    throw new ApiProblem(
      421,
      'host_unknown',
      `This console is at ${origins.url}. If it is to be opened by another name, set CONSOLE_URL to that.`,
    );
  });
  app.use(page);
  for (const each of who(app)) app.use(each);
  const router = new Router({ strict: true, sensitive: true });
  for (const add of routes) add(router);
  app.use(router.routes());
  app.use(
    router.allowedMethods({
      throw: true,
      methodNotAllowed: () => methodNotAllowed(),
      notImplemented: () => methodNotAllowed(),
    }),
  );
  return app;
}

function methodNotAllowed(): ApiProblem {
  return new ApiProblem(405, 'method_not_allowed', 'There is something at this path, but not for this method.');
}
