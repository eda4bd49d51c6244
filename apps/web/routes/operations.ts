import { METHODS } from 'node:http';
import type { Router, RouterMiddleware } from '@koa/router';
import { Registry } from 'prom-client';
import { healthMethods } from '../../../shared/lifecycle/health-methods.ts';
import type { ClientCheck } from '../../../shared/http/client-check.ts';
import { sendError } from '../answer.ts';
import type { Readiness } from '../readiness.ts';

/** What balancers and monitoring ask. */
export function addOperations(deps: {
  readonly readiness: Readiness;
  readonly renderMetrics: () => Promise<string>;
  readonly mayReadMetrics: ClientCheck;
}): (router: Router) => void {
  const { readiness, renderMetrics, mayReadMetrics } = deps;
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
      context.set('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE);
      context.body = await renderMetrics();
    });
  };
}
