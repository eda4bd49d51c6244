import type { Context, Middleware } from 'koa';
import { Gauge, Registry } from 'prom-client';
import { createClientCheck } from '../../shared/http/client-check.ts';
import { shareAnswer } from '../../shared/http/shared-answer.ts';
import type { Config } from '../../shared/config/config.ts';
import { collectNodeMetrics } from '../../shared/metrics/node-metrics.ts';
import { createTally } from '../../shared/metrics/tallies.ts';
import { ApiProblem } from './api/problem.ts';
import type { ApiRoute } from './api/route.ts';
import { stateOf } from './state.ts';

/** How a try to sign in ends: by a password or the identity provider. What is none of these is `failed`. */
const outcomes = {
  password: ['succeeded', 'credentials_wrong', 'totp_wrong', 'too_many_tries', 'failed'],
  oidc: [
    'succeeded',
    'oidc_no_role',
    'operator_disabled',
    'oidc_too_late',
    'oidc_failed',
    'oidc_unreachable',
    'oidc_not_asked',
  ],
} as const;
type Way = keyof typeof outcomes;

/** What this console counts. */
export interface ConsoleMetrics {
  /** Counts what is answered; the outermost, so that it sees every answer. */
  readonly middleware: Middleware;
  /** @param outcome a word of the problem that was told */
  signedIn(way: Way, outcome: string): void;
  /** A stream of this route is open until its client has left. */
  openedStream(operationId: string, left: AbortSignal): void;
  render(): Promise<string>;
}

/** @param api its routes: what is none of them has no label of its own, so that nobody makes series by making up paths */
export function createConsoleMetrics(api: readonly Pick<ApiRoute, 'operationId' | 'stream'>[]): ConsoleMetrics {
  const registry = new Registry();
  collectNodeMetrics(registry, 'console');
  const routes = new Set(['showBoard', ...api.map(({ operationId }) => operationId)]);
  const requests = createTally({
    name: 'wafer_console_requests_total',
    help: 'Requests of the console by route, which is the operationId of the API, and status',
    labelNames: ['route', 'status'],
    registry,
  });
  const signIns = createTally({
    name: 'wafer_console_sign_ins_total',
    help: 'Tries to sign in to the console, by way and what came of them',
    labelNames: ['way', 'outcome'],
    known: (Object.keys(outcomes) as Way[]).flatMap((way) =>
      outcomes[way].map((outcome): [string, string] => [way, outcome]),
    ),
    registry,
  });
  const open = new Map(api.filter(({ stream }) => stream !== undefined).map(({ operationId }) => [operationId, 0]));
  new Gauge({
    name: 'wafer_console_streams_open',
    help: 'Streams that are open at present, by route',
    labelNames: ['route'],
    registers: [registry],
    collect() {
      for (const [route, count] of open) this.set({ route }, count);
    },
  });
  const add = (route: string, count: number) => void open.set(route, (open.get(route) ?? 0) + count);
  return {
    async middleware(context, next) {
      try {
        await next();
      } finally {
        const { operationId } = stateOf(context);
        const known = operationId !== undefined && routes.has(operationId);
        requests.add(known ? operationId : kindOf(context), context.status);
      }
    },
    signedIn: (way, outcome) =>
      signIns.add(way, (outcomes[way] as readonly string[]).includes(outcome) ? outcome : 'failed'),
    openedStream(operationId, left) {
      if (left.aborted) return;
      add(operationId, 1);
      left.addEventListener('abort', () => add(operationId, -1), { once: true });
    },
    render: shareAnswer(() => registry.metrics()),
  };
}

/** Of what is no route of the API. */
function kindOf({ path, status }: Context): string {
  if (/^\/(?:healthz|readyz|metrics)$/.test(path)) return 'operations';
  if (/^\/sign-in\/oidc(?:\/|$)/.test(path)) return 'oidc';
  if (/^\/(?:api|queues\/board)(?:\/|$)/.test(path) || status >= 400) return 'other';
  return 'page';
}

/** `/metrics`, for those of METRICS_CLIENTS. */
export function createMetricsPage(
  render: () => Promise<string>,
  { metrics, trustedProxies }: Config['access'],
): Middleware {
  const mayRead = createClientCheck(metrics, trustedProxies);
  return async (context, next) => {
    if (context.path !== '/metrics') return next();
    if (context.method !== 'GET' && context.method !== 'HEAD')
      throw new ApiProblem(405, 'method_not_allowed', 'Ask with GET.', { headers: { Allow: 'GET, HEAD' } });
    if (!mayRead(context.req))
      throw new ApiProblem(403, 'client_not_allowed', 'METRICS_CLIENTS names who may read this.');
    context.set('Cache-Control', 'no-store');
    context.set('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE);
    context.body = await render();
    return undefined;
  };
}
