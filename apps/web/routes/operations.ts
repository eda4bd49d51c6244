import { Router } from '@koa/router';
import type { Readiness } from '../readiness.ts';
import type { WebMetrics } from '../metrics.ts';

/** What balancers and monitoring ask. */
export function createOperationsRouter({ readiness, metrics }: { readiness: Readiness; metrics: WebMetrics }): Router {
  const router = new Router();
  router.get('/livez', (context) => {
    context.body = { status: 'ok' };
  });
  router.get('/readyz', async (context) => {
    const { reasons, degraded } = await readiness.examine();
    context.status = reasons.length === 0 ? 200 : 503;
    context.body = reasons.length === 0 ? { status: 'ok', degraded } : { status: 'unavailable', reasons, degraded };
  });
  router.get('/metrics', async (context) => {
    context.set('Content-Type', metrics.contentType);
    context.body = await metrics.render();
  });
  return router;
}
