import { z } from 'zod';
import { readCursor, writeCursor } from '../../../shared/administration/cursor.ts';
import { replayDeadLetters, requireLetter } from '../../../shared/administration/event-replay.ts';
import { readDeadLetters } from '../../../shared/events/dead-letters.ts';
import { deadLetter, endpointName, toIso } from './endpoint-fields.ts';
import { defineRoute, type ApiRoute } from './route.ts';

/** Events that endpoints did not take within a day. */
export const deadLetterRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/dead-letters',
    operationId: 'listDeadLetters',
    summary: 'Lists the events that an endpoint did not take within a day, the latest first',
    role: 'viewer',
    query: z.object({
      endpoint: endpointName.optional(),
      cursor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    answer: z.object({ items: z.array(deadLetter), next: z.string().nullable() }),
    async handle({ administration, query: { endpoint, cursor, limit } }) {
      const question = { list: 'dead letters', endpoint };
      const [before] = cursor === undefined ? [] : readCursor(cursor, question, 1);
      const letters = await readDeadLetters(administration.sequelize, { endpoint, before, limit: limit + 1 });
      const page = letters.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(({ letter, at, diedAt, isAgain, ...rest }) => ({
          ...rest,
          id: letter,
          at: toIso(at),
          diedAt: toIso(diedAt),
          again: isAgain,
        })),
        next: letters.length > limit && last !== undefined ? writeCursor(question, [last.letter]) : null,
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/dead-letters/:id/replay',
    operationId: 'replayDeadLetter',
    summary: 'Sends a dead letter once more',
    role: 'operator',
    params: z.object({ id: z.coerce.number().int().positive() }),
    answer: z.object({ letters: z.number().int() }),
    async handle({ administration, params: { id } }) {
      await requireLetter(administration.sequelize, id);
      return { letters: await replayDeadLetters(administration, { letter: id }) };
    },
  }),
];
