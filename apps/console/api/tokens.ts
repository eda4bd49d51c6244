import { z } from 'zod';
import { renewToken } from '../../../shared/administration/access-tokens.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const fingerprint = z.string().describe('Names the token, as the log does; the token itself is never shown');

/** The access tokens of the apps, by which WeChat is asked. */
export const tokenRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/tokens',
    operationId: 'listTokens',
    summary: 'Tells which app has an access token, and how long it lives',
    role: 'viewer',
    answer: z.object({
      items: z.array(
        z.object({
          appid: z.string(),
          state: z.enum(['held', 'none', 'not_for_this_kind']).describe('none: it is fetched when it is needed'),
          fingerprint: fingerprint.optional(),
          secondsLeft: z.int().optional(),
        }),
      ),
      next: z.null(),
    }),
    handle: async ({ parts }) => ({ items: await parts.readTokens(), next: null }),
  }),
  defineRoute({
    method: 'POST',
    path: '/tokens/:appid/renew',
    operationId: 'renewToken',
    summary: 'Fetches the access token of an app anew, for all processes',
    role: 'admin',
    params: z.object({ appid: z.string().min(1).max(200) }),
    body: z.object({
      force: z
        .boolean()
        .default(false)
        .describe('Has WeChat make another one: 20 a day, 30 s apart; the one before ends soon after'),
    }),
    answer: z.object({
      appid: z.string(),
      fingerprint,
      secondsLeft: z.int(),
      isForced: z.boolean(),
      forcedToday: z.int().optional(),
    }),
    handle: ({ params: { appid }, body: { force }, administration: { env, actor } }) =>
      renewToken(env, { appid, isForced: force, actor }),
  }),
];
