import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import type { Erasure } from './order.ts';

interface NamingEntry {
  readonly id: number;
  readonly target: string | null;
  readonly details: string;
}

/** What names a person in the audit log. */
export function namesOf({ openIds, unionIds, ids }: Pick<Erasure, 'openIds' | 'unionIds' | 'ids'>): string[] {
  // The longest first: one may begin as another does.
  return [...openIds, ...unionIds, ...ids]
    .filter((name) => name !== '')
    .sort((left, right) => right.length - left.length);
}

/** Entries of the audit log that name a person. */
export async function findNamingEntries(
  sequelize: Sequelize,
  names: readonly string[],
  transaction?: Transaction,
): Promise<NamingEntry[]> {
  if (names.length === 0) return [];
  const replacements = Object.fromEntries(
    names.flatMap((name, index) => [
      [`name${index}`, name],
      [`inJson${index}`, inJson(name)],
    ]),
  );
  const conditions = names.map(
    (_, index) => `locate(:name${index}, target) > 0 or locate(:inJson${index}, details) > 0`,
  );
  const found = await sequelize.query<NamingEntry>(
    `select id, target, details from cWaferAudit where ${conditions.join(' or ')} order by id`,
    { replacements, type: QueryTypes.SELECT, ...(transaction === undefined ? {} : { transaction }) },
  );
  // The column compares by a collation.
  return found.filter(({ target, details }) =>
    names.some((name) => (target ?? '').includes(name) || details.includes(inJson(name))),
  );
}

/** Puts the label in the place of the person: who did what and when stays. */
export async function redactAudit(sequelize: Sequelize, erasure: Erasure, transaction: Transaction): Promise<number> {
  const names = namesOf(erasure);
  const entries = await findNamingEntries(sequelize, names, transaction);
  for (const { id, target, details } of entries) {
    await sequelize.query('update cWaferAudit set target = :target, details = :details where id = :id', {
      replacements: {
        id,
        target: target === null ? null : redact(target, names, erasure.label),
        details: withoutRows(redact(details, names.map(inJson), erasure.label)),
      },
      type: QueryTypes.UPDATE,
      transaction,
    });
  }
  return entries.length;
}

function redact(text: string, names: readonly string[], label: string): string {
  return names.reduce((redacted, name) => redacted.replaceAll(name, `erased:${label}`), text);
}

/** Primary keys of rows that are gone. */
function withoutRows(details: string): string {
  const value = JSON.parse(details) as Record<string, unknown>;
  return JSON.stringify({ ...value, rows: undefined, row: undefined });
}

/** As it stands in a JSON text. */
function inJson(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
