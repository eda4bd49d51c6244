import { z } from 'zod';
import { id, skey } from '../interfaces/schemas/fields.ts';

type Json = Record<string, unknown>;

const text = { type: 'string' };

export const reasonHeader: Json = {
  description:
    'One short token for operators: on a failure, such as `overloaded` or `wechat:45011`; of a session that is not valid, what ended it, such as `replaced` or `idle`; on a success where there is something to know, such as `former_key`.',
  schema: text,
};

export const requestIdHeader: Json = {
  description: 'The caller’s `X-Request-Id`, or a new one; it stands in the logs.',
  schema: text,
};

const errorBody = {
  'application/json': {
    schema: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  },
};

export const tooLarge: Json = { description: 'The body is larger than `BODY_LIMIT_BYTES`.', content: errorBody };

export const notPermitted: Json = {
  description: 'The key is that of a caller who may not ask this (`caller_not_permitted`).',
  headers: { 'X-Wafer-Reason': reasonHeader },
  content: errorBody,
};

/** GET /forward-auth; HEAD answers the same. */
export function forwardAuthOperation(): Json {
  const parameter = (name: string, required: boolean, schema: Json) => ({ name, in: 'header', required, schema });
  const identity = (what: string) => ({ description: `${what}, percent-encoded like a URI component.`, schema: text });
  return {
    operationId: 'forwardAuth',
    tags: ['gateway'],
    summary: 'Check a session on behalf of a gateway',
    description: 'The same check as `qcloud.cam.auth`; counts as a visit. HEAD answers the same.',
    parameters: [
      parameter('X-WX-Id', true, toJsonSchema(id)),
      parameter('X-WX-Skey', true, toJsonSchema(skey)),
      parameter('X-Wafer-Appid', false, { ...text, description: 'Accept sessions of this app only.' }),
    ],
    responses: {
      200: {
        description: 'The session is valid.',
        headers: {
          'X-Wafer-Openid': identity('The user’s openId'),
          'X-Wafer-Unionid': identity('The user’s unionId; empty if there is none'),
          'X-Wafer-Appid': identity('The session’s app'),
        },
      },
      401: {
        description:
          'The session is not valid (`session_invalid`; the header says what ended it, to whom it was given), or the app is unknown (`unknown_app`).',
        headers: { 'X-Wafer-Reason': reasonHeader },
        content: errorBody,
      },
      403: {
        description:
          'The caller may not ask (`caller_not_permitted`), or has several apps and names none (`app_not_named`).',
        headers: { 'X-Wafer-Reason': reasonHeader },
        content: errorBody,
      },
      503: {
        description: 'Nobody knows whether the session is valid: try again.',
        headers: {
          'X-Wafer-Reason': reasonHeader,
          'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } },
        },
        content: errorBody,
      },
    },
  };
}

/** GET /k/<key>/token */
export function tokenOperation(): Json {
  const error = (description: string) => ({
    description,
    headers: { 'X-Wafer-Reason': reasonHeader },
    content: errorBody,
  });
  return {
    operationId: 'token',
    tags: ['tokens'],
    summary: 'The access token of an app, for a caller who was let have it',
    description:
      'In the shape in which WeChat answers, so that it can be the `WECHAT_TOKEN_URL` of another installation.',
    parameters: [
      { name: 'key', in: 'path', required: true, schema: text, description: 'Of a caller with `--may token`.' },
      { name: 'appid', in: 'query', required: false, schema: text, description: 'Needed unless the key has one app.' },
    ],
    responses: {
      200: {
        description: 'The token; or the errcode with which WeChat refuses to make one.',
        content: {
          'application/json': {
            schema: {
              anyOf: [
                {
                  type: 'object',
                  required: ['access_token', 'expires_in'],
                  properties: {
                    access_token: text,
                    expires_in: { type: 'integer', description: 'Seconds from now on.' },
                  },
                },
                {
                  type: 'object',
                  required: ['errcode', 'errmsg'],
                  properties: { errcode: { type: 'integer' }, errmsg: text },
                },
              ],
            },
          },
        },
      },
      400: error('The key has several apps and none is named (`app_not_named`).'),
      401: error('There is no such key.'),
      403: notPermitted,
      404: error('There is no such app, or it is none of the caller’s (`unknown_app`).'),
      429: error('More than a hundred in ten seconds (`limited`).'),
      503: error('No token can be had at present: try again.'),
      508: error('The request came from this server itself, through `WECHAT_TOKEN_URL` (`token_loop`).'),
    },
  };
}

/** POST /k/<key>/wechat-event. */
export function wechatEventOperation(): Json {
  const failure = (description: string) => ({
    description,
    headers: { 'X-Wafer-Reason': reasonHeader },
    content: errorBody,
  });
  const fields = Object.fromEntries(
    ['ToUserName', 'FromUserName', 'CreateTime', 'MsgType', 'Event', 'OpenID', 'AppID', 'RevokeInfo', 'PluginID'].map(
      (name) => [name, { type: ['string', 'integer'] }],
    ),
  );
  const event = { type: 'object', required: ['Event', 'OpenID'], properties: fields };
  const example = {
    ToUserName: 'gh_0123456789ab',
    OpenID: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE',
    FromUserName: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE',
    CreateTime: 1627359464,
    MsgType: 'event',
    Event: 'user_authorization_revoke',
    AppID: 'wx0123456789abcdef',
    RevokeInfo: '6',
  };
  return {
    operationId: 'wechatEvent',
    tags: ['events'],
    summary: 'Pass on what WeChat has told the app of a user',
    description:
      'As it came, in JSON or XML: `user_info_modified`, `user_authorization_revoke`, `user_authorization_cancellation`. What the user takes back is erased. Any other event is answered `success`, too. For callers with the permission `wechat-event`.',
    parameters: [{ name: 'key', in: 'path', required: true, schema: text, description: 'The caller’s key.' }],
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: event, examples: { revoke: { summary: 'Name and picture', value: example } } },
        'text/xml': { schema: text },
      },
    },
    responses: {
      200: {
        description: 'Done; for WeChat.',
        content: { 'text/plain': { schema: { type: 'string', const: 'success' } } },
      },
      400: failure(
        'It is no event (`event_malformed`), it is still encrypted (`event_encrypted`), its app is unknown (`unknown_app`), or it names none and the key has several (`app_not_named`).',
      ),
      401: failure('There is no key (`caller_key_missing`), or nobody has it (`caller_key_unknown`).'),
      403: notPermitted,
      413: { description: 'The body is larger than 16 kB.', content: errorBody },
      503: failure('It could not be written: send it again.'),
    },
  };
}

/** What balancers, monitoring and readers of this document ask. */
export function operationsPaths(): Json {
  const answer = (description: string, type: string, schema: Json = {}) => ({
    description,
    content: { [type]: { schema } },
  });
  const get = (operationId: string, summary: string, responses: Json) => ({
    get: { operationId, tags: ['operations'], summary, responses },
  });
  return {
    '/livez': get('livez', 'Does the process live?', { 200: answer('It does.', 'application/json') }),
    '/readyz': get('readyz', 'Should a balancer send requests here?', {
      200: answer('Yes, with what is `degraded`.', 'application/json'),
      503: answer('No, for these `reasons`.', 'application/json'),
    }),
    '/metrics': get('metrics', 'Metrics for Prometheus', {
      200: answer('All front ends of this machine.', 'text/plain', text),
    }),
    '/openapi.json': get('openapi', 'This document', { 200: answer('OpenAPI 3.1.', 'application/json') }),
  };
}

function toJsonSchema(schema: z.ZodType): Json {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema);
  return rest;
}
