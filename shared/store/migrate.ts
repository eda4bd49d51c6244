import path from 'node:path';
import type { Connection } from 'mysql2/promise';
import { Umzug, MigrationError as UmzugError, type RunnableMigration } from 'umzug';
import { parseDatabaseUrl, type DatabaseAddress } from '../config/database-url.ts';
import { openMigrationConnection, selectDatabase } from './migrate/connection.ts';
import { dropDuplicateIds, duplicateIdsName } from './migrate/duplicate-ids.ts';
import { lockDatabase } from './migrate/lock.ts';
import { describeFault, MigrationError } from './migrate/migration-error.ts';
import { remainingStatement } from './migrate/repeatable.ts';
import { readDropped, type MigrationReport } from './migrate/report.ts';
import { findSqlFolder, listSqlFiles, readStatements } from './migrate/sql-file.ts';
import { createMigrationStorage } from './migrate/storage.ts';

export interface MigrateOptions {
  /** `mysql://user:password@host:port/cAuth` */
  readonly databaseUrl: string;
  /** Gets a line for each step that may take long. */
  readonly log?: (line: string) => void;
  /** How long to wait for another process that migrates the same database. */
  readonly lockWaitSeconds?: number;
  /** How long an ALTER waits for transactions of others, which hold everybody up behind it. */
  readonly tableWaitSeconds?: number;
}

/**
 * Brings the database to the current schema, creating it if it is missing, and adopts what the original left in it.
 * Safe to repeat, to run in several processes at once, and to run again after it was killed.
 * @throws {MigrationError} with a code and with what to do
 */
export async function migrate({
  databaseUrl,
  log = () => undefined,
  lockWaitSeconds = 600,
  tableWaitSeconds = 30,
}: MigrateOptions): Promise<MigrationReport> {
  const address = parseAddress(databaseUrl);
  let connection: Connection | undefined;
  try {
    connection = await openMigrationConnection(address, tableWaitSeconds);
    await lockDatabase(connection, address.database, lockWaitSeconds, log);
    const created = await selectDatabase(connection, address.database);
    const applied = await applyPending(connection, log);
    const dropped = applied.includes(duplicateIdsName) ? await readDropped(connection) : [];
    return { database: address.database, created, applied, dropped };
  } catch (error) {
    const cause = error instanceof UmzugError ? error.cause : error;
    throw describeFault(cause, `${address.host}:${address.port}/${address.database}`);
  } finally {
    await connection?.end().catch(() => undefined);
  }
}

function parseAddress(databaseUrl: string): DatabaseAddress {
  try {
    return parseDatabaseUrl(databaseUrl);
  } catch (error) {
    throw new MigrationError(
      'database_url_invalid',
      `DATABASE_URL ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

async function applyPending(connection: Connection, log: (line: string) => void): Promise<string[]> {
  const umzug = new Umzug({
    migrations: await listMigrations(connection, log),
    storage: await createMigrationStorage(connection),
    logger: undefined,
  });
  umzug.on('migrating', ({ name }) => log(`migration ${name}`));
  return (await umzug.up()).map(({ name }) => name);
}

/** The numbered SQL files, then the adoption of rows, which needs the tables that they make. */
async function listMigrations(
  connection: Connection,
  log: (line: string) => void,
): Promise<RunnableMigration<object>[]> {
  const folder = await findSqlFolder();
  const files = (await listSqlFiles(folder)).map((file) => ({
    name: path.basename(file, '.sql'),
    up: () => applyFile(connection, path.join(folder, file)),
  }));
  const adoption = { name: duplicateIdsName, up: () => dropDuplicateIds(connection, { log }) };
  return [...files, adoption].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function applyFile(connection: Connection, file: string): Promise<void> {
  for (const statement of await readStatements(file)) {
    const remaining = await remainingStatement(connection, statement);
    if (remaining !== undefined) await connection.query(remaining);
  }
}
