import { z } from 'zod';
import { readAudit, tellEntry, type RecordedEntry } from '../../../shared/administration/audit.ts';
import { recordAudit } from '../../../shared/store/audit.ts';
import { timestamp } from './fields.ts';
import { instant, listOf, paging } from './paging.ts';
import { defineRoute, defineStream, type ApiRoute } from './route.ts';

const filters = {
  action: z.string().min(1).max(50).optional().describe('As the command is called, such as `app set`'),
  target: z.string().min(1).max(255).optional().describe('A part of what was changed: an appid, an open_id'),
  by: z.string().min(1).max(100).optional().describe('Who: an operator, a user of a machine, or as given by `--by`'),
  from: instant.optional(),
  to: instant.optional(),
};

const entry = z.object({
  id: z.int(),
  at: timestamp,
  by: z.string().describe('The operator, or the user of the machine where the command ran'),
  via: z.enum(['cli', 'console', 'worker']),
  host: z.string().describe('The machine where it was done; of an operator, the address that they came from'),
  onBehalfOf: z.string().nullable().describe('As given by `--by`; of a worker, the caller that wanted it'),
  action: z.string(),
  target: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});

const pageSize = 1000;

/** Who changed what. */
export const auditRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/audit',
    operationId: 'listAudit',
    summary: 'Lists who changed what, newest first',
    description: 'A page looks at 20,000 entries at most: what is rare may take several, some of them empty.',
    role: 'viewer',
    query: z.object({ ...filters, ...paging }),
    answer: listOf(entry),
    async handle({ query: { limit, cursor, ...asked }, administration }) {
      const { entries, next } = await readAudit(administration.sequelize, asked, { limit, cursor });
      return { items: entries.map(tell), next: next ?? null };
    },
  }),
  defineStream({
    method: 'GET',
    path: '/audit/export',
    operationId: 'exportAudit',
    summary: 'Gives all entries that are meant, one JSON document a line, newest first',
    role: 'admin',
    stream: 'application/x-ndjson',
    query: z.object(filters),
    answer: entry,
    async *handle({ query, administration: { sequelize, actor }, signal }) {
      // Not what they are: whoever is looked for may be somebody who is erased later.
      const filters = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [name]));
      await recordAudit(sequelize, { actor, action: 'audit export', details: { filters } });
      let cursor: string | undefined;
      do {
        const page = await readAudit(sequelize, query, { limit: pageSize, cursor });
        yield* page.entries.map(tell);
        cursor = page.next;
      } while (cursor !== undefined && !signal.aborted);
    },
  }),
];

function tell(recorded: RecordedEntry) {
  const { osUser, host, by, ...rest } = tellEntry(recorded);
  const operator = osUser === 'console' ? /^operator (.*)$/s.exec(by ?? '')?.[1] : undefined;
  const via =
    operator !== undefined ? ('console' as const) : osUser === 'worker' ? ('worker' as const) : ('cli' as const);
  return {
    ...rest,
    details: { ...rest.details },
    by: operator ?? osUser,
    via,
    host,
    onBehalfOf: operator === undefined ? by : null,
  };
}
