import { z } from 'zod';
import { appResults } from '../../../shared/metrics/app-results.ts';
import { instant } from './paging.ts';
import { defineRoute, defineStream, type ApiRoute } from './route.ts';

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();
const perSecond = z.number().nonnegative();
const rates = z.object({
  okPerSecond: perSecond,
  refusedPerSecond: perSecond.describe('By what the client sent'),
  failedPerSecond: perSecond.describe('By this server, its stores, WeChat, or the app’s settings at WeChat'),
  successShare: z.number().min(0).max(1).nullable().describe('ok / (ok + failed)'),
});
const stageTimes = listOf(
  z.object({
    stage: z.string().describe('admitted, queued, wechat, decrypt, mysql, reply; total: as the client waits'),
    count: z.int(),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
  }),
);

/** Named as in shared/administration/now/now.ts. */
const now = z
  .object({
    at: z.iso.datetime(),
    windowSeconds: z
      .number()
      .nullable()
      .describe('What is per second is a mean of so many; null: nothing is known yet'),
    total: z.object({ logins: rates, checks: rates }),
    apps: listOf(
      z.object({
        appid: z.string().nullable().describe('null: all apps beyond the fifty that have a name of their own'),
        logins: rates,
        checks: rates,
      }),
    ),
    loginTimes: stageTimes,
    lookups: z.object({ remembered: perSecond, cached: perSecond, confirmed: perSecond }),
    wechat: listOf(
      z.object({
        api: z.string(),
        result: z.string().describe('`ok`, an errcode, or why there was no answer'),
        count: z.number(),
        perSecond,
        isFault: z.boolean(),
        meaning: z.string().nullable(),
        remedy: z.string().nullable(),
      }),
    ),
    queues: listOf(
      z.object({
        queue: z.enum(['login', 'session']),
        shards: z.int(),
        waiting: z.int(),
        active: z.int(),
        delayed: z.int(),
        oldestSeconds: z.number().nullable(),
      }),
    ),
    calls: z.object({ waiting: z.number(), refusedPerSecond: perSecond }),
    processes: listOf(
      z.object({
        name: z.string(),
        role: z.enum(['web', 'worker']),
        version: z.string().nullable(),
        startedAt: z.iso.datetime().nullable(),
        cpuShare: z.number().nullable().describe('Of one core'),
        memoryBytes: z.number().nullable(),
        loopDelayMs: z.number().nullable(),
        seenSecondsAgo: z.number().nullable(),
      }),
    ),
    stores: listOf(
      z.object({
        name: z.enum(['redis', 'redis_cache', 'mysql', 'mysql_writes']),
        isUp: z.boolean(),
        ms: z.number().nullable(),
      }),
    ),
    degraded: listOf(
      z.object({ code: z.string(), isFault: z.boolean(), detail: z.string(), remedy: z.string() }),
    ).describe('Empty: all is well'),
  })
  .meta({ id: 'Now' });

const results = z.object(
  Object.fromEntries(appResults.map((result) => [result, z.int()])) as Record<(typeof appResults)[number], z.ZodInt>,
);
const samples = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  stepSeconds: z.int(),
  series: listOf(
    z.object({
      appid: z.string().nullable().describe('null: the whole system; `other`: all apps beyond the fifty with a name'),
      points: listOf(
        z.object({
          at: z.iso.datetime(),
          seconds: z.int().describe('How many of the step’s seconds were looked at; 0: nobody knows'),
          logins: results,
          checks: results,
        }),
      ),
    }),
  ),
  system: listOf(
    z.object({
      at: z.iso.datetime(),
      loginTimes: stageTimes,
      wechat: listOf(z.object({ api: z.string(), result: z.string(), count: z.number() })),
      waitingMost: z.number().nullable(),
      oldestSecondsMost: z.number().nullable(),
      web: z.number().nullable(),
      workers: z.number().nullable(),
    }),
  ),
});

export const nowRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/now',
    operationId: 'showNow',
    summary: 'How the whole system is: log-ins and checks, WeChat, queues, processes, stores',
    role: 'viewer',
    answer: now,
    handle: ({ parts }) => parts.now.read(),
  }),
  defineStream({
    method: 'GET',
    path: '/now/stream',
    operationId: 'watchNow',
    summary: 'The same every two seconds',
    role: 'viewer',
    stream: 'text/event-stream',
    answer: now,
    async *handle({ parts, signal }) {
      for await (const data of parts.now.watch(signal)) yield { event: 'now', data };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/samples',
    operationId: 'listSamples',
    summary: 'Figures of the past, a sample a minute, added up by steps',
    role: 'viewer',
    query: z.object({
      from: instant.optional().describe('Default: an hour before `to`'),
      to: instant.optional().describe('Default: now'),
      appid: z.string().min(1).max(200).optional().describe('One app, or `*`: each. Default: the whole system'),
      step: z.coerce.number().int().min(60).max(86_400).multipleOf(60).optional().describe('Seconds'),
    }),
    answer: samples,
    handle: ({ query, parts }) => parts.samples.read(query),
  }),
];
