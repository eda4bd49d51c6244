import { z } from 'zod';
import { readQueueOverview } from '../../../shared/administration/queue-state.ts';
import { askForRetention, requireRetention } from '../../../shared/administration/retention.ts';
import { retentionParts } from '../../../shared/retention/settings.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import { timestamp } from './fields.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const count = z.int();
const removed = z.partialRecord(z.enum(retentionParts), count);

/** What is on its way. */
export const queueRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/queues',
    operationId: 'showQueues',
    summary: 'Tells what waits in each queue, and which processes are there',
    description:
      'A job carries up to 32 calls. None that failed is kept or can be done again: whoever asked was told, and a code is good once.',
    role: 'viewer',
    answer: z.object({
      queues: z.array(
        z.object({
          queue: z.string(),
          shard: count,
          waiting: count,
          active: count,
          delayed: count,
          failed: count,
          oldestWaitingMs: count.nullable().describe('For so long the oldest has waited; null: none waits'),
        }),
      ),
      visitsWaiting: count.describe('Sessions with a visit that is not in MySQL yet'),
      retention: z.object({
        last: z.object({ endedAt: timestamp, tookMs: z.number(), removed }).nullable(),
        isRunning: z.boolean(),
        nextAt: timestamp.nullable(),
      }),
      web: z.array(z.string()),
      worker: z.array(z.string()),
    }),
    async handle({ administration }) {
      const { queues, visitsWaiting, retention, web, worker } = await readQueueOverview(
        administration,
        administration.config.login.queues,
      );
      const { last, current, nextAt } = retention;
      return {
        queues: queues.map(({ oldestWaitingMs = null, ...state }) => ({ ...state, oldestWaitingMs })),
        visitsWaiting,
        retention: {
          last:
            last === undefined
              ? null
              : { endedAt: new Date(last.endedAt).toISOString(), tookMs: last.tookMs, removed: { ...last.removed } },
          isRunning: current !== undefined,
          nextAt: nextAt === undefined ? null : new Date(nextAt).toISOString(),
        },
        web: [...web],
        worker: [...worker],
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/retention/run',
    operationId: 'runRetention',
    summary: 'Has a worker remove now what is over for so long, by its own settings',
    role: 'admin',
    status: 202,
    answer: z.object({ asked: z.literal(true) }),
    async handle({ administration }) {
      const { sequelize, config, actor } = administration;
      requireRetention(config.retention);
      await askForRetention(administration);
      await recordAudit(sequelize, { actor, action: 'retention run' });
      return { asked: true as const };
    },
  }),
];
