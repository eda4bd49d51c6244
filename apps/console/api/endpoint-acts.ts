import { z } from 'zod';
import { replayDeadLetters, replayFrom, testEndpoint } from '../../../shared/administration/event-replay.ts';
import { countSkippable, skipEvents } from '../../../shared/administration/event-skip.ts';
import { tellWorkers, toEndpoints } from './endpoint-administration.ts';
import { endpointName, toOptionalIso } from './endpoint-fields.ts';
import { timestamp } from './fields.ts';
import { dryRun } from './paging.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const named = z.object({ name: endpointName });

/** What is done to the events of an endpoint. */
export const endpointActRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'POST',
    path: '/endpoints/:name/test',
    operationId: 'testEndpoint',
    summary: 'Sends an event that means nothing and says what is answered',
    role: 'operator',
    params: named,
    answer: z.object({ delivered: z.boolean(), answer: z.string(), tookMs: z.number().int() }),
    async handle({ administration, params: { name } }) {
      const { isDelivered, answer, tookMs } = await testEndpoint(toEndpoints(administration), name);
      return { delivered: isDelivered, answer, tookMs: Math.round(tookMs) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/endpoints/:name/replay',
    operationId: 'replayEndpoint',
    summary: 'Sends all dead letters of an endpoint once more, or everything since a time',
    role: 'operator',
    params: named,
    body: z.object({ from: timestamp.optional() }),
    answer: z.object({ letters: z.number().int().nullable(), from: timestamp.nullable() }),
    async handle({ administration, params: { name }, body: { from } }) {
      if (from === undefined) {
        const letters = await replayDeadLetters(administration, { endpoint: name });
        return { letters, from: null };
      }
      const first = await replayFrom(administration, name, Date.parse(from));
      await tellWorkers(administration, name);
      return { letters: null, from: toOptionalIso(first ?? null) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/endpoints/:name/skip',
    operationId: 'skipEvents',
    summary:
      'Makes dead letters, at once, of the events that an endpoint does not take, so that those after them go on',
    role: 'operator',
    params: named,
    body: z.object({
      sequence: z.number().int().positive().optional().describe('Of one of `waiting`; left out: all of them'),
      dryRun,
    }),
    answer: z.object({ dryRun: z.boolean(), events: z.number().int() }),
    async handle({ administration, params: { name }, body: { sequence, dryRun: isDryRun } }) {
      if (isDryRun) return { dryRun: true, events: await countSkippable(administration.sequelize, name, sequence) };
      const count = await skipEvents(administration, name, sequence);
      await tellWorkers(administration, name);
      return { dryRun: false, events: count };
    },
  }),
];
