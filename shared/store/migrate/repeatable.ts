import type { Connection, RowDataPacket } from 'mysql2/promise';

/**
 * The part of a statement that is still to do, or undefined if the database has all of it already.
 *
 * MySQL commits each DDL statement on its own and has no `add column if not exists`, so a migration that was killed half-way
 * must find out what is there. Two kinds of statement are understood, anything else is refused:
 * `create table if not exists …` as it is, and `alter table T` with one clause a line, of which
 * - `add column C …` and `add [unique] key K …` drop out if T has that column or key, whatever it looks like;
 * - `modify column C varchar(N) …` only ever widens a varchar: it drops out if C has N characters or more or another type,
 *   and keeps the rest of the definition as found.
 */
export async function remainingStatement(connection: Connection, statement: string): Promise<string | undefined> {
  if (/^create table if not exists /i.test(statement)) return statement;
  const [, table, body] = /^alter table (\w+)\s+(.+)$/is.exec(statement) ?? [];
  if (table === undefined || body === undefined)
    throw new Error(`This statement can't be repeated safely: ${statement}`);
  const found = await readTable(connection, table);
  const clauses = body.split(/,\s*\n\s*/).map((clause) => remainingClause(clause, found));
  const remaining = clauses.filter((clause) => clause !== undefined);
  return remaining.length === 0 ? undefined : `alter table ${table}\n  ${remaining.join(',\n  ')}`;
}

const noSuchTable = 1146;

/** A statement is about a column that an earlier one adds. */
export class MissingColumn extends Error {
  constructor(name: string) {
    super(`The column ${name} is missing`);
    this.name = 'MissingColumn';
  }
}

/** Whether the database has all that a statement makes. */
export async function isDone(connection: Connection, statement: string): Promise<boolean> {
  const table = /^create table if not exists (\w+)/i.exec(statement)?.[1];
  try {
    if (table === undefined) return (await remainingStatement(connection, statement)) === undefined;
    await readTable(connection, table);
    return true;
  } catch (error) {
    if ((error as { errno?: number }).errno === noSuchTable || error instanceof MissingColumn) return false;
    throw error;
  }
}

interface FoundTable {
  readonly columns: ReadonlyMap<string, string>;
  readonly keys: ReadonlySet<string>;
}

function remainingClause(clause: string, found: FoundTable): string | undefined {
  const column = /^add column (\w+) /i.exec(clause)?.[1];
  if (column !== undefined) return found.columns.has(column) ? undefined : clause;
  const key = /^add (?:unique )?key (\w+) /i.exec(clause)?.[1];
  if (key !== undefined) return found.keys.has(key) ? undefined : clause;
  const [, widened, length] = /^modify column (\w+) varchar\((\d+)\)/i.exec(clause) ?? [];
  if (widened === undefined) throw new Error(`This clause can't be repeated safely: ${clause}`);
  const definition = found.columns.get(widened);
  if (definition === undefined) throw new MissingColumn(widened);
  const foundLength = /^varchar\((\d+)\)/i.exec(definition)?.[1];
  if (foundLength === undefined || Number(foundLength) >= Number(length)) return undefined;
  return `modify column ${widened} ${definition.replace(/^varchar\(\d+\)/i, `varchar(${length})`)}`;
}

/**
 * Reads `show create table`, not information_schema: it gives a column's definition in a form to be written back unchanged,
 * and MySQL and MariaDB spell defaults differently in the latter.
 */
async function readTable(connection: Connection, table: string): Promise<FoundTable> {
  const [rows] = await connection.query<RowDataPacket[]>(`show create table ${table}`);
  const lines = String(rows[0]?.['Create Table']).split('\n');
  const columns = lines.flatMap((line) => {
    const [, name, definition] = /^ {2}`(\w+)` (.+?),?$/.exec(line) ?? [];
    return name === undefined || definition === undefined ? [] : [[name.toLowerCase(), definition] as const];
  });
  const keys = lines.flatMap((line) => /^ {2}(?:UNIQUE )?KEY `(\w+)`/.exec(line)?.[1]?.toLowerCase() ?? []);
  return { columns: new Map(columns), keys: new Set(keys) };
}

const columnTooLong = 1709;
const keyTooLong = 1071;

/** Whether a key takes more of a column than the table's row format allows. */
export function isKeyTooLong(error: unknown): boolean {
  const { errno } = error as { errno?: number };
  return errno === columnTooLong || errno === keyTooLong;
}

/** Of an appid, which has 18 characters as a rule, so many fit in 767 bytes of utf8mb4. */
const shortAppid = 'appid(191)';

/** The statement with keys of the first characters of an appid alone. */
export function withShorterKeys(statement: string): string {
  return statement.replaceAll(/(?<=add key \w+ \()appid(?=,)/g, shortAppid);
}
