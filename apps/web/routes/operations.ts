import { METHODS } from 'node:http';
import { Router, type RouterMiddleware } from '@koa/router';
import { healthMethods } from '../../../shared/lifecycle/health-methods.ts';
import type { ClientCheck } from '../access/client-check.ts';
import type { Readiness } from '../readiness.ts';
import type { WebMetrics } from '../metrics.ts';

/** What balancers and monitoring ask. */
export function createOperationsRouter(parts: {
  readonly readiness: Readiness;
  readonly metrics: WebMetrics;
  readonly mayReadMetrics: ClientCheck;
}): Router {
  const { readiness, metrics, mayReadMetrics } = parts;
  const router = new Router();
  const answerHealth = (path: string, answer: RouterMiddleware): void => {
    router.register(path, METHODS, (context, next) => {
      if (healthMethods.includes(context.method)) return answer(context, next);
      context.set('Allow', healthMethods.join(', '));
      context.status = 405;
      context.body = { error: 'method_not_allowed' };
      return undefined;
    });
  };
  answerHealth('/livez', (context) => {
    context.body = { status: 'ok' };
  });
  answerHealth('/readyz', async (context) => {
    const { reasons, degraded } = await readiness.examine();
    context.status = reasons.length === 0 ? 200 : 503;
    context.body = reasons.length === 0 ? { status: 'ok', degraded } : { status: 'unavailable', reasons, degraded };
  });
  router.get('/metrics', async (context) => {
    // Here and not at the gate: what the router takes for this path is for it to say.
    if (!mayReadMetrics(context.req)) {
      context.status = 403;
      context.body = { error: 'client_not_allowed' };
      return;
    }
    context.set('Content-Type', metrics.contentType);
    context.body = await metrics.render();
  });
  return router;
}
