import path from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { findWhole, listMigrationNames, parseAddress, refuseForeign } from '../../shared/store/migrate.ts';
import { openMigrationConnection } from '../../shared/store/migrate/connection.ts';
import { duplicateIdsName } from '../../shared/store/migrate/duplicate-ids.ts';
import { describeFault } from '../../shared/store/migrate/migration-error.ts';
import { MissingColumn, remainingStatement } from '../../shared/store/migrate/repeatable.ts';
import { findSqlFolder, readStatements } from '../../shared/store/migrate/sql-file.ts';

/** One statement that is still to be run. */
export interface PlannedStatement {
  readonly migration: string;
  readonly sql: string;
  /** An estimate of the server's; null: the table is not there yet. */
  readonly rows: number | null;
  /** Who has to wait for it, and for what. */
  readonly lock: string;
  /** At most, by a sample of the rows; null: it does not go by them, or no sample could be taken. */
  readonly seconds: number | null;
}

/** What a migration would find, and do. */
export interface MigrationPlan {
  readonly database: string;
  readonly exists: boolean;
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly statements: readonly PlannedStatement[];
}

const sampleRows = 20_000;
const tableWaitSeconds = 30;
const badDatabase = 'ER_BAD_DB_ERROR';

/**
 * Looks what there is to do, and changes nothing.
 * @param isDetailed also each statement, with its lock and time, for which a sample is copied into a temporary table
 * @throws {MigrationError} as the migration would
 */
export async function planMigration(databaseUrl: string, isDetailed: boolean): Promise<MigrationPlan> {
  const address = parseAddress(databaseUrl);
  const names = await listMigrationNames();
  let connection: Connection | undefined;
  try {
    connection = await openMigrationConnection(address, tableWaitSeconds);
    if (!(await select(connection, address.database)))
      return { database: address.database, exists: false, applied: [], pending: names, statements: [] };
    const recorded = await findWhole(connection);
    await refuseForeign(connection, address, recorded);
    const pending = names.filter((name) => !recorded.has(name));
    const applied = names.filter((name) => recorded.has(name));
    const statements = isDetailed ? await planStatements(connection, pending) : [];
    return { database: address.database, exists: true, applied, pending, statements };
  } catch (error) {
    throw describeFault(error, address);
  } finally {
    await connection?.end().catch(() => undefined);
  }
}

async function select(connection: Connection, database: string): Promise<boolean> {
  try {
    await connection.query('use ??', [database]);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === badDatabase) return false;
    throw error;
  }
}

async function planStatements(connection: Connection, pending: readonly string[]): Promise<PlannedStatement[]> {
  const folder = await findSqlFolder();
  const isInstant = await addsColumnsAtOnce(connection);
  const sample = createSamples(connection);
  const planned: PlannedStatement[] = [];
  for (const migration of pending) {
    if (migration === duplicateIdsName) {
      const rows = await countRows(connection, 'cSessionInfo');
      const lock = 'reads the whole index of uuids; holds the rows that it gives up, 500 at most at a time';
      planned.push({ migration, sql: 'rows of the same uuid, but for the newest', rows, lock, seconds: null });
      continue;
    }
    for (const statement of await readStatements(path.join(folder, `${migration}.sql`)))
      planned.push(...(await planStatement(connection, { migration, statement, isInstant, sample })));
  }
  return planned;
}

async function planStatement(
  connection: Connection,
  {
    migration,
    statement,
    isInstant,
    sample,
  }: {
    readonly migration: string;
    readonly statement: string;
    readonly isInstant: boolean;
    readonly sample: ReturnType<typeof createSamples>;
  },
): Promise<PlannedStatement[]> {
  const table = /^alter table (\w+)/i.exec(statement)?.[1];
  if (table === undefined) {
    const sql = statement.split('\n')[0]?.replace(/ \($/, '') ?? '';
    return [{ migration, sql, rows: null, lock: 'nobody waits: the table is new', seconds: null }];
  }
  const rows = await countRows(connection, table);
  if (rows === null)
    return [{ migration, sql: statement, rows, lock: 'nobody waits: the table is new', seconds: null }];
  const sql = await remainingStatement(connection, statement).catch((error: unknown) => {
    // What an earlier one adds is not there yet.
    if (error instanceof MissingColumn) return statement;
    throw error;
  });
  if (sql === undefined) return [];
  const isByRows = /^\s*add (?:unique )?key /im.test(sql) || (!isInstant && /^\s*add column /im.test(sql));
  const lock = isByRows
    ? 'others read and write meanwhile; at its beginning and end it waits for open transactions, and others for it'
    : 'changes no row; it waits for open transactions, and others for it for that moment';
  const seconds = await sample(table, sql, rows);
  return [{ migration, sql, rows, lock, seconds: isByRows ? seconds : null }];
}

/** MariaDB from 10.3, MySQL from 8.0.12 on. */
async function addsColumnsAtOnce(connection: Connection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>('select version() as version');
  const version = String(rows[0]?.['version']);
  const [major = 0, minor = 0, patch = 0] = (/\d+\.\d+\.\d+/.exec(version)?.[0] ?? '').split('.').map(Number);
  const number = major * 10_000 + minor * 100 + patch;
  return number >= (/mariadb/i.test(version) ? 100_300 : 80_012);
}

async function countRows(connection: Connection, table: string): Promise<number | null> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'select table_rows as count from information_schema.tables where table_schema = database() and table_name = ?',
    [table],
  );
  return rows[0] === undefined ? null : Number(rows[0]['count'] ?? 0);
}

/**
 * Runs statements on copies of the first rows of their tables, which nobody else sees, in their order: later ones need what earlier ones add.
 * A temporary table is copied for each, so this is the most that it can take.
 * @returns seconds for so many rows; null if it can't be tried
 */
function createSamples(connection: Connection): (table: string, sql: string, rows: number) => Promise<number | null> {
  const counts = new Map<string, number | null>();
  const nameOf = (table: string) => `cWaferSampleOf${table}`;
  const copy = async (table: string): Promise<number> => {
    await connection.query(`create temporary table ${nameOf(table)} like ${table}`);
    await connection.query(`insert into ${nameOf(table)} select * from ${table} limit ${sampleRows}`);
    const [rows] = await connection.query<RowDataPacket[]>(`select count(*) as count from ${nameOf(table)}`);
    return Math.max(Number(rows[0]?.['count']), 1);
  };
  return async (table, sql, rows) => {
    try {
      const known = counts.get(table);
      const count = known === undefined ? await copy(table) : known;
      counts.set(table, count);
      if (count === null) return null;
      const startedAt = performance.now();
      await connection.query(sql.replace(/^alter table \w+/i, `alter table ${nameOf(table)}`));
      const took = (performance.now() - startedAt) / 1000;
      return Math.round(took * Math.max(rows / count, 1) * 10) / 10;
    } catch {
      // Without the right to temporary tables, or where one is no use: nobody is worse off. They end with the connection.
      counts.set(table, null);
      return null;
    }
  };
}
