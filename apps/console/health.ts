import type { Middleware } from 'koa';
import type { Sequelize } from 'sequelize';
import { shareAnswer } from '../../shared/http/shared-answer.ts';
import { healthMethods } from '../../shared/lifecycle/health-methods.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { probeRedis } from '../../shared/redis/probe.ts';
import { probeReading } from '../../shared/store/probe.ts';
import { ApiProblem } from './api/problem.ts';

/** `/healthz`: the process lives. `/readyz`: both stores answer, so that people can sign in. For balancers, under any name of the host. */
export function createHealth(
  { sequelize, commands }: { readonly sequelize: Sequelize; readonly commands: RedisClient },
  stopping: AbortSignal,
): Middleware {
  const findMissing = shareAnswer(async () => {
    const probes = { mysql: probeReading(sequelize), redis: probeRedis(commands) };
    const results = await Promise.allSettled(Object.values(probes));
    return Object.keys(probes).filter((_, index) => results[index]?.status === 'rejected');
  });
  return async (context, next) => {
    const { path } = context;
    if (path !== '/healthz' && path !== '/readyz') return next();
    if (!healthMethods.includes(context.method))
      throw new ApiProblem(405, 'method_not_allowed', 'Ask with GET.', {
        headers: { Allow: healthMethods.join(', ') },
      });
    context.set('Cache-Control', 'no-store');
    if (path === '/healthz') {
      context.body = { status: 'ok' };
      return undefined;
    }
    const reasons = stopping.aborted ? ['stopping'] : await findMissing();
    context.status = reasons.length === 0 ? 200 : 503;
    context.body = reasons.length === 0 ? { status: 'ok' } : { status: 'unavailable', reasons };
    return undefined;
  };
}
