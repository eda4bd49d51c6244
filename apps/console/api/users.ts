import { z } from 'zod';
import { countPerson, erasePerson, exportPerson, toPerson } from '../../../shared/administration/people.ts';
import { listPending } from '../../../shared/erasure/journal.ts';
import { createSeal } from '../../../shared/rpc/seal.ts';
import { getSealKey } from '../../../shared/store/seal-key.ts';
import { timestamp } from './fields.ts';
import { dryRun } from './paging.ts';
import { revocation, revoke } from './revoke.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const person = {
  openId: z.string().min(1).max(100).optional().describe('A user of an app'),
  unionId: z.string().min(1).max(100).optional().describe('A person, in every app'),
  appid: z.string().min(1).max(200).optional().describe('Only as a user of this app'),
};

const count = z.int();
const maxListed = 200;

/** What is kept of people, and its end. One of `openId` and `unionId` is given. */
export const userRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'POST',
    path: '/users/revoke',
    operationId: 'revokeUser',
    summary: 'Ends all sessions of a user or person at once',
    role: 'operator',
    body: z.object({ ...person, dryRun }),
    answer: revocation,
    handle: ({ body: { dryRun: isDryRun, ...who }, administration }) => revoke(administration, toPerson(who), isDryRun),
  }),
  defineRoute({
    method: 'GET',
    path: '/users/export',
    operationId: 'exportUser',
    summary: 'Gives everything that is kept of a person, for the person',
    description: 'Secrets are named, not shown. That it was asked for is in the audit log.',
    role: 'admin',
    query: z.object(person),
    answer: z.looseObject({ exportedAt: timestamp }),
    handle: ({ query, administration }) => exportPerson(administration, toPerson(query), administration.actor),
  }),
  defineRoute({
    method: 'POST',
    path: '/users/erase',
    operationId: 'eraseUser',
    summary: 'Erases everything that is kept of a person, everywhere; there is no way back',
    description: 'What a process has not confirmed is done by workers, who try again every ten seconds.',
    role: 'admin',
    body: z.object({ ...person, dryRun }),
    answer: z.object({
      dryRun: z.boolean(),
      sessions: count,
      label: z.string().nullable().describe('Stands for the person in the audit log'),
      auditEntries: count.describe('Entries of the audit log that named the person'),
      isDone: z.boolean().describe('false: processes in `silent` have not confirmed yet'),
      silent: z.array(z.string()),
    }),
    async handle({ body: { dryRun: isDryRun, ...who }, administration }) {
      const selector = toPerson(who);
      if (isDryRun) {
        const { sessions } = await countPerson(administration, selector);
        return { dryRun: true, sessions, label: null, auditEntries: 0, isDone: false, silent: [] };
      }
      const { label, sessions, audit, silent } = await erasePerson(administration, selector, administration.actor);
      return {
        dryRun: false,
        sessions,
        label,
        auditEntries: audit,
        isDone: silent.length === 0,
        silent: [...silent],
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/users/erasures',
    operationId: 'listErasures',
    summary: 'Lists erasures that are not finished, the oldest first; as a rule there are none',
    role: 'viewer',
    answer: z.object({
      items: z.array(
        z.object({
          label: z.string(),
          part: z.enum(['everything', 'profile', 'phone']),
          orderedAt: timestamp,
          isInMysql: z.boolean().describe('Whether MySQL still has anything of it'),
        }),
      ),
      next: z.null(),
    }),
    async handle({ administration: { sequelize } }) {
      const seal = createSeal(await getSealKey(sequelize));
      const pending = await listPending(sequelize, seal, { idleSeconds: 0, limit: maxListed });
      return {
        items: pending.map(({ erasure: { label, part, orderedAtUs, erased } }) => ({
          label,
          part,
          orderedAt: new Date(orderedAtUs / 1000).toISOString(),
          isInMysql: erased === undefined,
        })),
        next: null,
      };
    },
  }),
];
