import { METHODS } from 'node:http';
import type { Router, RouterMiddleware } from '@koa/router';
import { healthMethods } from '../../../shared/lifecycle/health-methods.ts';
import type { ClientCheck } from '../access/client-check.ts';
import { sendError } from '../answer.ts';
import type { Readiness } from '../readiness.ts';
import type { WebMetrics } from '../metrics.ts';

/** What balancers and monitoring ask. */
export function addOperations(parts: {
  readonly readiness: Readiness;
  readonly metrics: WebMetrics;
  readonly mayReadMetrics: ClientCheck;
}): (router: Router) => void {
  const { readiness, metrics, mayReadMetrics } = parts;
  return (router) => {
    const answerHealth = (path: string, answer: RouterMiddleware): void => {
      router.register(path, METHODS, (context, next) => {
        if (healthMethods.includes(context.method)) return answer(context, next);
        context.set('Allow', healthMethods.join(', '));
        sendError(context, 405, 'method_not_allowed');
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
        sendError(context, 403, 'client_not_allowed');
        return;
      }
      context.set('Content-Type', metrics.contentType);
      context.body = await metrics.render();
    });
  };
}
