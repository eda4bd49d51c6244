import { z } from 'zod';
import { addEndpoint, listEndpoints, removeEndpoint, setEndpoint } from '../../../shared/administration/endpoints.ts';
import { eventNames } from '../../../shared/events/event.ts';
import { tellWorkers, toEndpoints } from './endpoint-administration.ts';
import { apps, endpointName, events, listedEndpoint, toIso, toOptionalIso, url } from './endpoint-fields.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const named = z.object({ name: endpointName });
const nothing = z.null();

/** Where events are sent. */
export const endpointRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/endpoints',
    operationId: 'listEndpoints',
    summary: 'Lists the endpoints and how they do',
    role: 'viewer',
    answer: z.object({
      items: z.array(listedEndpoint),
      next: z.null(),
      known: z.array(z.string()).describe('All that `events` can hold'),
    }),
    async handle({ administration }) {
      const endpoints = await listEndpoints(administration.sequelize);
      return {
        items: endpoints.map(
          ({ isEnabled, createdAt, deliveredAt, failingSince, apps: of, events: which, waiting, ...endpoint }) => ({
            ...endpoint,
            apps: of === null ? null : [...of],
            events: which === null ? null : [...which],
            enabled: isEnabled,
            createdAt: toIso(createdAt),
            deliveredAt: toOptionalIso(deliveredAt),
            failingSince: toOptionalIso(failingSince),
            waiting: waiting.map(({ id, at, event, appid, openId, since, failure }) => ({
              sequence: id,
              at: toIso(at),
              event,
              appid,
              openId,
              since: toIso(since),
              failure,
            })),
          }),
        ),
        next: null,
        known: [...eventNames],
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/endpoints',
    operationId: 'addEndpoint',
    summary: 'Adds an endpoint; its secret is answered this once',
    role: 'admin',
    status: 201,
    body: z.object({ name: endpointName, url, apps: apps.default(null), events: events.default(null) }),
    answer: z.object({ name: z.string(), secret: z.string() }),
    async handle({ administration, body }) {
      const { name, ...endpoint } = body;
      const { secret } = await addEndpoint(toEndpoints(administration), name, endpoint);
      await tellWorkers(administration);
      return { name, secret };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/endpoints/:name',
    operationId: 'setEndpoint',
    summary: 'Changes an endpoint; a new secret is answered this once',
    role: 'admin',
    params: named,
    body: z.object({
      url: url.optional(),
      apps: apps.optional(),
      events: events.optional(),
      enabled: z.boolean().optional(),
      newSecret: z.boolean().optional(),
    }),
    answer: z.object({ name: z.string(), secret: z.string().nullable() }),
    async handle({ administration, params: { name }, body: { enabled, ...change } }) {
      const { secret } = await setEndpoint(toEndpoints(administration), name, { ...change, isEnabled: enabled });
      await tellWorkers(administration, name);
      return { name, secret: secret ?? null };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/endpoints/:name',
    operationId: 'removeEndpoint',
    summary: 'Removes an endpoint, with its dead letters',
    role: 'admin',
    status: 204,
    params: named,
    answer: nothing,
    async handle({ administration, params: { name } }) {
      await removeEndpoint(administration, name);
      await tellWorkers(administration);
      return null;
    },
  }),
];
