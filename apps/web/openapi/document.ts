import { z } from 'zod';
import { failures } from '../../../shared/protocol/return-codes.ts';
import { interfaceSchemas } from '../interfaces/schemas/index.ts';
import { userInfo } from '../interfaces/schemas/fields.ts';
import { answerSchema, failureSchema, requestSchema } from './envelope.ts';
import { failureNotes } from './failure-notes.ts';
import {
  forwardAuthOperation,
  operationsPaths,
  notPermitted,
  reasonHeader,
  requestIdHeader,
  tokenOperation,
  tooLarge,
  wechatEventOperation,
} from './operations.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of everything that web answers, made from the schemas by which it reads requests. */
export function createOpenApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'wafer-session',
      version: '1',
      summary: 'Session server for WeChat mini programs',
      description:
        'One path carries the protocol: the interface is named in the body, the answer is HTTP 200 with a returnCode. Strings are ASCII with \\u escapes.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [],
    tags: [
      { name: 'protocol', description: 'What the SDKs of mini programs call' },
      { name: 'gateway', description: 'For nginx auth_request, Traefik, APISIX' },
      { name: 'tokens', description: 'For programs of the same company that call WeChat themselves' },
      { name: 'events', description: 'For the back end to which WeChat pushes' },
      { name: 'operations', description: 'For balancers and monitoring; keep them off the internet' },
    ],
    paths: {
      '/mina_auth/': { post: minaAuthOperation() },
      '/forward-auth': { get: forwardAuthOperation() },
      '/k/{key}/token': { get: tokenOperation() },
      '/k/{key}/wechat-event': { post: wechatEventOperation() },
      ...operationsPaths(),
    },
    components: { schemas: componentSchemas() },
  };
}

function minaAuthOperation(): Json {
  const schemas = [...interfaceSchemas];
  const titles = schemas.map(([, { title }]) => title);
  const answered = schemas.filter(([, { messages }]) => messages.length > 0).map(([, { title }]) => title);
  return {
    operationId: 'minaAuth',
    tags: ['protocol'],
    summary: 'Call one interface of the protocol',
    description: `Also at \`/mina_auth\` and \`/mina_auth/index.php\`. Method and Content-Type do not matter.\n\n${describeInterfaces()}`,
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: { anyOf: titles.map((title) => ref(`${title}Request`)) },
          examples: Object.fromEntries(
            schemas.map(([interfaceName, { title, summary, example }]) => [
              title,
              { summary, value: { version: 1, componentName: 'MA', interface: { interfaceName, para: example } } },
            ]),
          ),
        },
      },
    },
    responses: {
      200: {
        description: 'The answer, also to a failure of the protocol.',
        headers: { 'X-Wafer-Reason': reasonHeader, 'X-Request-Id': requestIdHeader },
        content: {
          'application/json': {
            schema: { anyOf: [...answered.map((title) => ref(`${title}Answer`)), ref('Failure')] },
          },
        },
      },
      403: notPermitted,
      413: tooLarge,
    },
  };
}

/** A table in CommonMark: which interface answers what. */
function describeInterfaces(): string {
  const rows = [...interfaceSchemas].map(([name, { summary, messages, failures: names }]) => {
    const codes = names.map((failure) => `${failures[failure].code} ${failures[failure].message}`);
    return `| \`${name}\` | ${summary} | ${messages.join(', ') || '-'} | ${codes.join(', ')} |`;
  });
  const common = (['notJson', 'noInterfaceName', 'noParameters', 'unknownInterface', 'parameterError'] as const)
    .map((name) => `${failures[name].code} ${failures[name].message} (${failureNotes[name]})`)
    .join(' ');
  return ['| interfaceName | does | success | failures |', '|---|---|---|---|', ...rows, '', `Any: ${common}`].join(
    '\n',
  );
}

function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  registry.add(userInfo, { id: 'UserInfo' });
  registry.add(failureSchema(), { id: 'Failure' });
  for (const [name, schema] of interfaceSchemas) {
    registry.add(requestSchema(name, schema), { id: `${schema.title}Request` });
    if (schema.messages.length > 0) registry.add(answerSchema(schema), { id: `${schema.title}Answer` });
  }
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` });
  // A JSON Schema of its own says what it is; inside a document these two would change what a $ref means.
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _schema, $id: _id, ...schema }]) => [name, schema]),
  );
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}
