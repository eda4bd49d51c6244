import { z } from 'zod';
import { eventNames, toMessage } from '../../../shared/events/event.ts';
import type { TailItem } from '../events/event-tail.ts';
import { commaList } from './endpoint-fields.ts';
import { ApiProblem } from './problem.ts';
import { defineStream, type ApiRoute, type ServerEvent } from './route.ts';

const message = z.looseObject({
  type: z.string(),
  timestamp: z.iso.datetime().optional(),
  data: z.looseObject({ sequence: z.number().int() }),
});

/** Events as they happen. */
export const eventRoutes: readonly ApiRoute[] = [
  defineStream({
    method: 'GET',
    path: '/events',
    operationId: 'followEvents',
    summary: 'Events as they happen',
    description:
      'For those who can not receive webhooks. Each message has the type of its event, and an id: who comes back with it in Last-Event-ID within fifteen minutes misses nothing. The first message is `ready`, or `gap` where something may have been missed.',
    role: 'viewer',
    stream: 'text/event-stream',
    query: z.object({ apps: commaList(z.string()).optional(), events: commaList(z.enum(eventNames)).optional() }),
    answer: message,
    async *handle({ query, who, parts, signal, context }) {
      const filter = { apps: query.apps ?? null, events: query.events ?? null };
      const after = readLastId(context.get('Last-Event-ID'));
      for await (const item of parts.eventTail.follow(who.id, after, filter, signal)) yield toServerEvent(item);
    },
  }),
];

function toServerEvent(item: TailItem): ServerEvent<z.input<typeof message>> {
  if (item.kind === 'event') return { event: item.event.event, id: String(item.event.id), data: toMessage(item.event) };
  return { event: item.kind, id: String(item.at), data: { type: item.kind, data: { sequence: item.at } } };
}

function readLastId(text: string): number | undefined {
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new ApiProblem(400, 'last_event_id_invalid', 'Last-Event-ID is none of this stream.');
  return Number(text);
}
