import { z } from 'zod';
import { searchSessions } from '../../../shared/administration/search-sessions.ts';
import { showSessions, type SessionDetails } from '../../../shared/administration/session-details.ts';
import { sessionStates } from '../../../shared/administration/session-state.ts';
import { endReasons } from '../../../shared/session/ended-skeys.ts';
import { lendRedis } from '../../../shared/administration/stores.ts';
import { createVisitLog } from '../../../shared/session/visit-log.ts';
import { timestamp } from './fields.ts';
import { dryRun, instant, listOf, paging, toInstant, toOptionalInstant } from './paging.ts';
import { defineRoute, type ApiRoute } from './route.ts';
import { revocation, revoke } from './revoke.ts';

const params = z.object({ row: z.coerce.number().int().positive().describe('Primary key of its row') });
const state = z
  .enum(sessionStates)
  .describe(
    'live: whoever has its skey is let in. expired: the log-in is too old. idle: no visit for too long. revoked: by an administrator, alone or with its app. replaced: by a later log-in. logged_out: by the user. app_removed: its app is not there',
  );

const session = z.object({
  row: z.int(),
  id: z.string().describe('As it goes over the wire'),
  appid: z.string().describe('As its row names it; empty: it names none and belongs to the default app'),
  openId: z.string(),
  unionId: z.string().nullable(),
  nickName: z.string().nullable(),
  device: z
    .object({ kind: z.string(), label: z.string().nullable() })
    .nullable()
    .describe('What its last log-in said of the device, if its app keeps that'),
  clientIp: z.string().nullable().describe('The address of its user, likewise'),
  caller: z.string().nullable().describe('Name of the caller by whose key its last log-in came; null: by none'),
  state,
  loggedInAt: timestamp,
  lastVisitAt: timestamp,
  expiresAt: timestamp.nullable().describe('When it ends without another visit; null: its app is not there'),
  endedAt: timestamp.nullable(),
});
const sessionInDetail = session.extend({
  ends: z
    .array(z.object({ why: z.enum(endReasons), at: timestamp }))
    .describe('How the skeys ended that this session had, the latest first'),
  cached: z
    .enum(['same', 'differs', 'changing', 'none', 'unknown'])
    .describe('What the cache in Redis has of it: the same skey, another one, a change that is under way, nothing'),
});

/** Who is logged in. */
export const sessionRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/sessions',
    operationId: 'searchSessions',
    summary: 'Lists sessions, the latest log-in first, or the latest visit where visits are asked for',
    description:
      'Filters are joined by and. No index knows states: with `state` a page may hold fewer sessions than `limit`, or none, and still have a `next`, since it looks at no more than some thousands. Times of visits are those in MySQL, ten seconds late at most.',
    role: 'viewer',
    query: z.object({
      id: z.string().min(1).max(100).optional(),
      openId: z.string().min(1).max(100).optional(),
      unionId: z.string().min(1).max(100).optional(),
      appid: z.string().min(1).max(200).optional().describe('Of the default app also those whose rows name none'),
      state: state.optional(),
      loggedInFrom: instant.optional(),
      loggedInTo: instant.optional(),
      visitedFrom: instant.optional(),
      visitedTo: instant.optional(),
      ...paging,
    }),
    answer: listOf(session).extend({ looked: z.int().describe('How many sessions this page looked at') }),
    async handle({ query: { limit, cursor, ...filters }, administration }) {
      const visitLog = createVisitLog(administration.commands);
      const page = await searchSessions(administration, visitLog, filters, { limit, cursor });
      return { items: page.sessions.map(tell), next: page.next ?? null, looked: page.looked };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/sessions/:row',
    operationId: 'showSession',
    summary: 'Shows a session with everything but its secrets',
    role: 'viewer',
    params,
    answer: sessionInDetail,
    async handle({ params: { row }, administration }) {
      const [details] = await showSessions(administration, lendRedis(administration), { row });
      if (details === undefined) throw new Error('a row that was found is not there');
      return {
        ...tell(details),
        ends: details.session.ends.map(({ reason, time }) => ({ why: reason, at: toInstant(time) })),
        cached: details.cached,
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/sessions/:row/revoke',
    operationId: 'revokeSession',
    summary: 'Ends a session at once',
    role: 'operator',
    params,
    body: z.object({ dryRun }),
    answer: revocation,
    handle: ({ params: { row }, body, administration }) => revoke(administration, { row }, body.dryRun),
  }),
];

function tell({ session, state, expiresAt, endedAt, pendingVisitTime = 0 }: SessionDetails) {
  return {
    row: session.row,
    id: session.id,
    appid: session.appid,
    openId: session.openId,
    unionId: session.unionId ?? null,
    nickName: session.nickName ?? null,
    device: session.device,
    clientIp: session.clientIp,
    caller: session.caller,
    state,
    loggedInAt: toInstant(session.createTime),
    lastVisitAt: toInstant(Math.max(session.lastVisitTime, pendingVisitTime)),
    expiresAt: toOptionalInstant(expiresAt),
    endedAt: toOptionalInstant(endedAt),
  };
}
