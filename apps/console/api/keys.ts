import { z } from 'zod';
import { askWorkers, requireKeyToWrite } from '../../../shared/administration/keys/ask-workers.ts';
import { readKeysStatus } from '../../../shared/administration/keys/status.ts';
import { beginKeyRotation, keyRotation, readKeyRotation } from '../key-rotation.ts';
import { dryRun } from './paging.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const counts = z
  .record(z.string(), z.int())
  .describe('How many values there are by the version of their key; `plain`: not encrypted');

/** The keys that encrypt secrets at rest: WAFER_KEYS. */
export const keyRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/keys',
    operationId: 'showKeys',
    summary: 'Counts values at rest by the version of their key, and tells whether what is configured here reads them',
    description:
      'Of sessions the 20,000 oldest and newest are counted. `wafer keys status` counts all, which takes time on a large table.',
    role: 'viewer',
    answer: z.object({
      writes: z.union([z.int(), z.literal('plain')]).describe('How new values are written'),
      keys: z.array(z.int()).describe('Versions that are configured'),
      secrets: counts,
      sessionKeys: counts,
      formerKeys: counts,
      missing: z.array(z.int()).describe('Versions that stand in the database and are not configured'),
      wrong: z.object({
        apps: z.array(z.string()).describe('Apps whose secrets do not open, though their key is there'),
        rows: z.array(z.int()).describe('Sessions of the same kind, of those that were tried'),
        opened: z.int().describe('How many sessions were tried'),
      }),
    }),
    async handle({ administration }) {
      const { others: _, ...status } = await readKeysStatus(administration, administration.cipher, { isSample: true });
      const { keys, missing, wrong, ...rest } = status;
      return {
        ...rest,
        keys: [...keys],
        missing: [...missing],
        wrong: { apps: [...wrong.apps], rows: [...wrong.rows], opened: wrong.opened },
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/keys/rotate',
    operationId: 'rotateKeys',
    summary: 'Begins to encrypt everything with the first key of WAFER_KEYS, while workers run',
    description: 'It goes on in the console; GET /keys/rotation tells how far it has come. Safe to repeat.',
    role: 'admin',
    status: 202,
    body: z.object({ rowsPerSecond: z.int().min(1).max(1_000_000).optional(), dryRun }),
    answer: z.object({
      dryRun: z.boolean(),
      values: z
        .int()
        .describe(
          'Secrets of apps, endpoints and operators, and of the oldest and newest sessions, that are written otherwise now',
        ),
      rotation: keyRotation,
    }),
    async handle({ body, administration }) {
      const { cipher, commands } = administration;
      requireKeyToWrite(cipher.keys);
      await askWorkers(administration, cipher.keys);
      const { others: values } = await readKeysStatus(administration, cipher, { isSample: true });
      if (body.dryRun) return { dryRun: true, values, rotation: await readKeyRotation(commands) };
      return { dryRun: false, values, rotation: await beginKeyRotation(administration, body) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/keys/rotation',
    operationId: 'showKeyRotation',
    summary: 'Tells how far the rotation has come that was begun last',
    role: 'viewer',
    answer: keyRotation,
    handle: ({ administration: { commands } }) => readKeyRotation(commands),
  }),
];
