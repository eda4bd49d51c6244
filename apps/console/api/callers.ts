import { z } from 'zod';
import {
  addCaller,
  bindCaller,
  listCallers,
  revokeCaller,
  unknownCaller,
  type CallerStores,
} from '../../../shared/administration/callers.ts';
import { lendRedis } from '../../../shared/administration/stores.ts';
import { callerNameShape } from '../../../shared/callers/caller-key.ts';
import { knownPermissions } from '../../../shared/callers/permissions.ts';
import type { Administration } from '../administration.ts';
import { timestamp, toTimestamp } from './fields.ts';
import { dryRun } from './paging.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const name = z.string().regex(callerNameShape, 'must be 1 to 64 letters, digits, dots, underscores or hyphens');
const params = z.object({ name: z.string().min(1).max(64) });
const permission = z.enum(knownPermissions as [string, ...string[]]);

const rights = {
  appids: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(100)
    .nullable()
    .describe('The apps that its key is for; null: any'),
  may: z.array(permission).min(1).nullable().describe('What it may call; null: every interface that needs no grant'),
};
const told = {
  ...rights,
  may: z.array(z.string()).nullable(),
  appids: z.array(z.string()).nullable(),
};
const silent = z.array(z.string()).describe('Processes that did not confirm: it counts there within five seconds');

/** The back ends that may call, each with a key of its own. */
export const callerRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/callers',
    operationId: 'listCallers',
    summary: 'Lists the callers; their keys are not known to anybody',
    role: 'viewer',
    answer: z.object({
      items: z.array(z.object({ name: z.string(), ...told, createdAt: timestamp })),
      next: z.null(),
      permissions: z.array(z.string()).describe('All that `may` can hold'),
    }),
    handle: async ({ administration }) => ({
      items: (await listCallers(administration)).map(({ appids, may, createdAt, ...caller }) => ({
        ...caller,
        appids: copy(appids),
        may: copy(may),
        createdAt: toTimestamp(createdAt),
      })),
      next: null,
      permissions: [...knownPermissions],
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/callers',
    operationId: 'addCaller',
    summary: 'Makes a key for a back end, and gives it out this once',
    role: 'admin',
    status: 201,
    body: z.object({ name, appids: rights.appids.default(null), may: rights.may.default(null) }),
    answer: z.object({
      name: z.string(),
      key: z.string().describe('Shown here alone'),
      path: z.string().describe('Where it calls, at a front end'),
      silent,
    }),
    async handle({ body: { name: caller, appids, may }, administration }) {
      const binding = { name: caller, appids: unique(appids), may: inOrder(may) };
      const { key, forgotten } = await addCaller(storesOf(administration), binding, administration.actor);
      return { name: caller, key, path: `/k/${key}/mina_auth/`, silent: [...forgotten.silent] };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/callers/:name',
    operationId: 'changeCaller',
    summary: 'Changes what the key of a back end is for; what is left out stays as it is',
    role: 'admin',
    params,
    body: z.object(rights).partial(),
    answer: z.object({ name: z.string(), ...told, before: z.object(told), silent }),
    async handle({ params: { name: caller }, body: { appids, may }, administration }) {
      const change = {
        name: caller,
        ...(appids === undefined ? {} : { appids: unique(appids) }),
        ...(may === undefined ? {} : { may: inOrder(may) }),
      };
      const { before, now, forgotten } = await bindCaller(storesOf(administration), change, administration.actor);
      return {
        name: caller,
        appids: copy(now.appids),
        may: copy(now.may),
        before: { appids: copy(before.appids), may: copy(before.may) },
        silent: [...forgotten.silent],
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/callers/:name',
    operationId: 'revokeCaller',
    summary: 'Makes the key of a back end void',
    role: 'admin',
    params,
    body: z.object({ dryRun }),
    answer: z.object({ dryRun: z.boolean(), name: z.string(), appids: told.appids, silent }),
    async handle({ params: { name: caller }, body, administration }) {
      const found = (await listCallers(administration)).find((each) => each.name === caller);
      if (found === undefined) throw unknownCaller();
      const answer = { dryRun: body.dryRun, name: caller, appids: copy(found.appids) };
      if (body.dryRun) return { ...answer, silent: [] };
      const forgotten = await revokeCaller(storesOf(administration), caller, administration.actor);
      return { ...answer, silent: [...forgotten.silent] };
    },
  }),
];

function storesOf(administration: Administration): CallerStores {
  return { ...administration, useRedis: lendRedis(administration) };
}

function copy(list: readonly string[] | null): string[] | null {
  return list === null ? null : [...list];
}

function unique(appids: readonly string[] | null): readonly string[] | null {
  return appids === null ? null : [...new Set(appids)];
}

/** As `wafer` writes it. */
function inOrder(may: readonly string[] | null): readonly string[] | null {
  return may === null ? null : knownPermissions.filter((each) => may.includes(each));
}
