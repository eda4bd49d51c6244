import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import type { Erasure, Traces } from './order.ts';

interface NamingEntry {
  readonly id: number;
  readonly target: string;
  readonly details: string;
}

/** By what a person is named, and in which app; undefined: in any. */
type Named = Pick<Traces, 'appid' | 'openIds' | 'unionIds' | 'ids' | 'rows'>;

/** The one command that names persons in the audit log, in its target, which names nothing else. */
const namingAction = 'session revoke';

/** By what a target names a person, in its first word: where traces have it, and the column of cSessionInfo. */
const kinds = {
  open_id: { traces: 'openIds', column: 'open_id' },
  union_id: { traces: 'unionIds', column: 'union_id' },
  id: { traces: 'ids', column: 'uuid' },
} as const;
type NamedBy = keyof typeof kinds;
const allKinds = Object.keys(kinds) as NamedBy[];

/** The targets that name a person, as whole values: a userid may be a word that stands in any text. */
function targetsOf(named: Named): string[] {
  return allKinds.flatMap((kind) => named[kinds[kind].traces].map((name) => `${kind} ${name}`));
}

/** Entries of the audit log that name a person, and not somebody whom another app calls the same. */
export async function findNamingEntries(
  sequelize: Sequelize,
  named: Named,
  transaction?: Transaction,
): Promise<NamingEntry[]> {
  const targets = targetsOf(named);
  if (targets.length === 0) return [];
  const within = transaction === undefined ? {} : { transaction };
  const found = await sequelize.query<NamingEntry>(
    'select id, target, details from cWaferAudit where target in (:targets) and action = :action order by id',
    { replacements: { targets, action: namingAction }, type: QueryTypes.SELECT, ...within },
  );
  // The column compares by a collation.
  const exact = found.filter(({ target }) => targets.includes(target));
  if (named.appid === undefined) return exact;
  const others = await findRowsOfOthers(sequelize, exact, named, transaction);
  return exact.filter(({ target, details }) => {
    const { appid, rows } = readDetails(details);
    if (target.startsWith('id ')) return true;
    if (appid !== undefined) return appid === named.appid;
    return rows.some((row) => named.rows.includes(row)) || !rows.some((row) => others.has(row));
  });
}

/** Puts the label in the place of the person: who did what and when stays. */
export async function redactAudit(sequelize: Sequelize, erasure: Erasure, transaction: Transaction): Promise<number> {
  const entries = await findNamingEntries(sequelize, erasure, transaction);
  await redact(sequelize, entries, { label: `erased:${erasure.label}`, own: erasure, transaction });
  return entries.length;
}

/**
 * Takes out of the audit log the names of which no row is left. To stand after rows have been removed, in the same transaction: from then on no erasure
 * could tell whose names these were.
 * @param removed what the removed rows had
 */
export async function redactGone(
  sequelize: Sequelize,
  removed: readonly Readonly<Record<NamedBy, string | null>>[],
  transaction: Transaction,
): Promise<void> {
  const select = <Row extends object>(sql: string, replacements: Record<string, unknown>) =>
    sequelize.query<Row>(sql, { replacements, type: QueryTypes.SELECT, transaction });
  // Mostly there are none: then this is all that it costs.
  const anyOf = (kind: NamedBy) => `exists (select 1 from cWaferAudit where target like '${kind} %') as ${kind}`;
  const [named] = await select<Record<NamedBy, number>>(`select ${allKinds.map(anyOf).join(', ')}`, {});
  for (const kind of allKinds.filter((each) => named?.[each] === 1)) {
    const names = [...new Set(removed.map((row) => row[kind] ?? '').filter((name) => name !== ''))];
    const { traces, column } = kinds[kind];
    const nobody = { openIds: [], unionIds: [], ids: [], rows: [], appid: undefined };
    const entries = await findNamingEntries(sequelize, { ...nobody, [traces]: names }, transaction);
    if (entries.length === 0) continue;
    const nameOf = ({ target }: NamingEntry) => target.slice(kind.length + 1);
    const left = await select<{ name: string }>(
      `select ${column} as name from cSessionInfo where ${column} in (:names)`,
      { names: [...new Set(entries.map(nameOf))] },
    );
    // The index compares by a collation.
    const there = new Set(left.map(({ name }) => name));
    const gone = entries.filter((entry) => !there.has(nameOf(entry)));
    await redact(sequelize, gone, { label: 'removed by retention', own: nobody, transaction });
  }
}

async function redact(
  sequelize: Sequelize,
  entries: readonly NamingEntry[],
  { label, own, transaction }: { readonly label: string; readonly own: Named; readonly transaction: Transaction },
): Promise<void> {
  const others = await findRowsOfOthers(sequelize, entries, own, transaction);
  for (const { id, target, details } of entries) {
    const kind = target.slice(0, target.indexOf(' '));
    await sequelize.query('update cWaferAudit set target = :target, details = :details where id = :id', {
      replacements: { id, target: `${kind} ${label}`, details: withoutRows(details, others) },
      type: QueryTypes.UPDATE,
      transaction,
    });
  }
}

/** Primary keys in entries that are rows of somebody else. */
async function findRowsOfOthers(
  sequelize: Sequelize,
  entries: readonly NamingEntry[],
  { rows: own }: Named,
  transaction: Transaction | undefined,
): Promise<ReadonlySet<number>> {
  const rows = entries.flatMap(({ details }) => readDetails(details).rows).filter((row) => !own.includes(row));
  if (rows.length === 0) return new Set();
  const there = await sequelize.query<{ id: number }>('select id from cSessionInfo where id in (:rows)', {
    replacements: { rows },
    type: QueryTypes.SELECT,
    ...(transaction === undefined ? {} : { transaction }),
  });
  return new Set(there.map(({ id }) => id));
}

function readDetails(details: string): { readonly appid: string | undefined; readonly rows: readonly number[] } {
  const { appid, rows } = JSON.parse(details) as { appid?: unknown; rows?: unknown };
  return {
    appid: typeof appid === 'string' ? appid : undefined,
    rows: Array.isArray(rows) ? rows.filter((row): row is number => typeof row === 'number') : [],
  };
}

/** Without primary keys of rows that are gone. */
function withoutRows(details: string, others: ReadonlySet<number>): string {
  const value = JSON.parse(details) as Record<string, unknown>;
  const rows = readDetails(details).rows.filter((row) => others.has(row));
  return JSON.stringify({ ...value, rows: rows.length === 0 ? undefined : rows, row: undefined });
}
