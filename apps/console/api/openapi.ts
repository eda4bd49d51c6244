import { z } from 'zod';
import { apiPrefix } from './prefix.ts';
import type { ApiRoute } from './route.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of the API, made from the schemas by which it reads requests and makes answers. */
export function createConsoleDocument(routes: readonly ApiRoute[]): Json {
  const schemas: Json = {};
  const toSchema = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const { $schema: _, $defs = {}, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
    Object.assign(schemas, withComponentRefs($defs as Json));
    return withComponentRefs(own);
  };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route, toSchema) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'wafer-session console',
      version: '1',
      summary: 'Administration of the session server',
      description:
        'Programs send `Authorization: Bearer <token>` (`npx wafer operator add NAME --token`). A page sends its cookie, and with everything that changes something `X-Wafer-Console: 1`. Lists: `limit` and `cursor`; the next cursor is `next`, null at the end.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: apiPrefix, description: 'This console' }],
    security: [{ token: [] }, { cookie: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'wafer-console' },
      },
      schemas: { ...schemas, Problem: toSchema(problemSchema, 'output') },
    },
  };
}

const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe('For programs'),
  requestId: z.string().describe('As in the log of the console'),
  faults: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
});

function describe(route: ApiRoute, toSchema: (schema: z.ZodType, io: 'input' | 'output') => Json): Json {
  const {
    method,
    role,
    confirm,
    operationId,
    summary,
    description,
    params,
    query,
    body,
    answer,
    status = 200,
    stream,
  } = route;
  const idempotent = method === 'GET' || role === 'anyone' ? [] : [idempotencyHeader];
  const needs = { anyone: 'Before sign-in too.', self: 'For whoever is signed in.' };
  const who = role === 'anyone' || role === 'self' ? needs[role] : `Needs the role ${role}.`;
  return {
    operationId,
    tags: [route.path.split('/')[1]],
    summary,
    description: [description, who, describeConfirm(confirm)].filter((text) => text !== undefined).join('\n\n'),
    ...(role === 'anyone' ? { security: [] } : {}),
    parameters: [...parametersOf('path', params, toSchema), ...parametersOf('query', query, toSchema), ...idempotent],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: toSchema(body, 'input') } } } }),
    responses: {
      [status]:
        status === 204
          ? { description: 'Done.' }
          : {
              description: stream === undefined ? 'Done.' : 'One by one, as they come.',
              content: { [stream ?? 'application/json']: { schema: toSchema(answer, 'output') } },
            },
      default: {
        description: 'Why not.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function describeConfirm(confirm: ApiRoute['confirm']): string | undefined {
  if (confirm === undefined) return undefined;
  const when = confirm === true ? '' : ' where it gives a role or lets somebody in';
  return `Not for programs${when}: a person confirms it, with \`confirm\` or by a sign-in through the identity provider of the last five minutes.`;
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key is done once; its answer is kept for a day.',
  schema: { type: 'string', minLength: 1, maxLength: 128 },
};

function parametersOf(
  place: 'path' | 'query',
  schema: z.ZodObject | undefined,
  toSchema: (schema: z.ZodType, io: 'input' | 'output') => Json,
): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = toSchema(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, own]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: own,
  }));
}

/** Schemas with an id of their own are told once, for the whole document. */
function withComponentRefs(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
