import path from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { Umzug, MigrationError as UmzugError, type RunnableMigration } from 'umzug';
import { parseDatabaseUrl, type DatabaseAddress } from '../config/database-url.ts';
import { openMigrationConnection, selectDatabase } from './migrate/connection.ts';
import { dropDuplicateIds, duplicateIdsName } from './migrate/duplicate-ids.ts';
import { describeObjections, findObjections } from './migrate/examine.ts';
import { lockDatabase } from './migrate/lock.ts';
import { describeFault, MigrationError } from './migrate/migration-error.ts';
import { isDone, isKeyTooLong, remainingStatement, withShorterKeys } from './migrate/repeatable.ts';
import { readDropped, type MigrationReport } from './migrate/report.ts';
import { findSqlFolder, listSqlFiles, readStatements } from './migrate/sql-file.ts';
import { withStatementProgress, type OnProgress } from './migrate/statement-progress.ts';
import { createMigrationStorage, readRecorded } from './migrate/storage.ts';
import { wantsTls } from './wants-tls.ts';

export interface MigrateOptions {
  /** `mysql://user:password@host:port/cAuth` */
  readonly databaseUrl: string;
  /** Gets a line for each step that may take long. */
  readonly log?: (line: string) => void;
  /** Is told about once a second how far a step is that lasts. */
  readonly onProgress?: OnProgress;
  /** How long to wait for another process that migrates the same database. */
  readonly lockWaitSeconds?: number;
  /** How long an ALTER waits for transactions of others, which hold everybody up behind it. */
  readonly tableWaitSeconds?: number;
}

/**
 * Brings the database to the current schema, creating it if it is missing, and adopts what the original left in it. Looks first: what
 * is not the original's is refused before anything is changed.
 * Safe to repeat, to run in several processes at once, and to run again after it was killed.
 * @throws {MigrationError} with a code and with what to do
 */
export async function migrate({
  databaseUrl,
  log = () => undefined,
  onProgress = () => undefined,
  lockWaitSeconds = 600,
  tableWaitSeconds = 30,
}: MigrateOptions): Promise<MigrationReport> {
  const address = parseAddress(databaseUrl);
  let connection: Connection | undefined;
  try {
    connection = await openMigrationConnection(address, tableWaitSeconds);
    await lockDatabase(connection, address.database, lockWaitSeconds, log);
    const created = await selectDatabase(connection, address.database);
    const recorded = await findWhole(connection);
    if (!created) await refuseForeign(connection, address, recorded);
    const open = { connection, openWatcher: () => openMigrationConnection(address, tableWaitSeconds), log, onProgress };
    const applied = await applyPending(open, recorded);
    const dropped = applied.includes(duplicateIdsName) ? await readDropped(connection) : [];
    return { database: address.database, created, applied, dropped };
  } catch (error) {
    const cause = error instanceof UmzugError ? error.cause : error;
    if (await wantsTls(address, cause)) throw plainRefused(address, cause);
    throw describeFault(cause, address);
  } finally {
    await connection?.end().catch(() => undefined);
  }
}

function plainRefused({ host, port, username }: DatabaseAddress, cause: unknown): MigrationError {
  return new MigrationError(
    'database_wants_tls',
    `The database at ${host}:${port} lets ${username} in over TLS alone. Add ?ssl-mode=REQUIRED to DATABASE_URL, better ?ssl-mode=VERIFY_IDENTITY&ssl-ca=<file of the CA>.`,
    { cause },
  );
}

/** @throws {MigrationError} database_url_invalid */
export function parseAddress(databaseUrl: string): DatabaseAddress {
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

/**
 * The migrations that are recorded, without those of which something is not there any more: after a dump of the original was loaded
 * over ours, say. They run again.
 */
export async function findWhole(connection: Connection): Promise<ReadonlySet<string>> {
  const recorded = await readRecorded(connection);
  const folder = await findSqlFolder();
  for (const file of await listSqlFiles(folder)) {
    const name = path.basename(file, '.sql');
    if (!recorded.has(name)) continue;
    for (const statement of await readStatements(path.join(folder, file))) {
      if (await isDone(connection, statement)) continue;
      recorded.delete(name);
      // Rows that came from elsewhere may repeat ids again.
      recorded.delete(duplicateIdsName);
    }
  }
  return recorded;
}

/** @throws {MigrationError} not_adoptable */
export async function refuseForeign(
  connection: Connection,
  address: DatabaseAddress,
  recorded: ReadonlySet<string>,
): Promise<void> {
  if ((await listMigrationNames()).every((name) => recorded.has(name))) return;
  const objections = await findObjections(
    async <Row extends object>(sql: string) => (await connection.query<RowDataPacket[]>(sql))[0] as unknown as Row[],
  );
  if (objections.length === 0) return;
  const place = `${address.host}:${address.port}/${address.database}`;
  throw new MigrationError(
    'not_adoptable',
    `${place} can not be used, and nothing was changed: ${describeObjections(objections)}`,
  );
}

interface OpenMigration {
  readonly connection: Connection;
  /** A second connection, to look how far the first one is. */
  openWatcher(): Promise<Connection>;
  log(line: string): void;
  readonly onProgress: OnProgress;
}

async function applyPending(open: OpenMigration, recorded: ReadonlySet<string>): Promise<string[]> {
  const umzug = new Umzug({
    migrations: await listMigrations(open),
    storage: await createMigrationStorage(open.connection, recorded),
    logger: undefined,
  });
  umzug.on('migrating', ({ name }) => open.log(`migration ${name}`));
  return (await umzug.up()).map(({ name }) => name);
}

/** All names in their order, the adoption of rows included. */
export async function listMigrationNames(): Promise<string[]> {
  const files = await listSqlFiles(await findSqlFolder());
  return [...files.map((file) => path.basename(file, '.sql')), duplicateIdsName].toSorted();
}

/** The numbered SQL files, then the adoption of rows, which needs the tables that they make. */
async function listMigrations(open: OpenMigration): Promise<RunnableMigration<object>[]> {
  const folder = await findSqlFolder();
  const files = (await listSqlFiles(folder)).map((file) => ({
    name: path.basename(file, '.sql'),
    up: () => applyFile(open, path.join(folder, file)),
  }));
  const adoption = { name: duplicateIdsName, up: () => dropDuplicateIds(open.connection, open) };
  return [...files, adoption].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A table in a row format of before MySQL 5.7 takes 767 bytes of a column into a key. */
async function applyStatement(connection: Connection, statement: string): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    const shorter = withShorterKeys(statement);
    if (!isKeyTooLong(error) || shorter === statement) throw error;
    await connection.query(shorter);
  }
}

async function applyFile({ connection, openWatcher, onProgress }: OpenMigration, file: string): Promise<void> {
  const name = path.basename(file, '.sql');
  for (const statement of await readStatements(file)) {
    const remaining = await remainingStatement(connection, statement);
    if (remaining === undefined) continue;
    const tell = (share: number | undefined) => onProgress(`${name}: ${remaining.split('\n')[0]}`, share);
    await withStatementProgress(connection, openWatcher, tell, () => applyStatement(connection, remaining));
  }
}
