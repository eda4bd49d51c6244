import path from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { parseDatabaseUrl, type DatabaseAddress } from '../../shared/config/database-url.ts';
import { openMigrationConnection } from '../../shared/store/migrate/connection.ts';
import { duplicateIdsName } from '../../shared/store/migrate/duplicate-ids.ts';
import { findSqlFolder, listSqlFiles } from '../../shared/store/migrate/sql-file.ts';
import { demoAppid } from './demo-app.ts';

const tableWaitSeconds = 10;

/**
 * Looks at the database of DATABASE_URL before anything is changed there: it may be one that people live from.
 * @throws with advice if `npm start` would migrate it or add its demo app, and neither made it nor was told that it may
 */
export async function checkGivenDatabase(databaseUrl: string): Promise<void> {
  const address = parseDatabaseUrl(databaseUrl);
  const connection = await openMigrationConnection(address, tableWaitSeconds);
  try {
    const tables = await listTables(connection, address.database);
    // Empty: it will be ours.
    if (tables.length === 0) return;
    const apps = tables.includes('cappinfo') ? await list(connection, address, 'cAppinfo', 'appid') : [];
    if (apps.includes(demoAppid)) return;
    const executed = tables.includes('cwafermigration')
      ? await list(connection, address, 'cWaferMigration', 'name')
      : [];
    const files = await listSqlFiles(await findSqlFolder());
    const names = [...files.map((file) => path.basename(file, '.sql')), duplicateIdsName];
    const pending = names.filter((name) => !executed.includes(name));
    const place = `${address.host}:${address.port}/${address.database}`;
    if (pending.length > 0) {
      throw new Error(
        advise(
          `the database of DATABASE_URL, ${place}, is not one that npm start made, and ${pending.length} of ${names.length} migrations are still to run on it`,
          '  npm run migrate                       after a backup (docs/adopting.md)',
        ),
      );
    }
    if (apps.length === 0) {
      throw new Error(
        advise(
          `the database of DATABASE_URL, ${place}, is not one that npm start made, and no app is configured there`,
          '  npx wafer app set <appid>      the mini program that it is for',
        ),
      );
    }
  } finally {
    await connection.end();
  }
}

function advise(reason: string, first: string): string {
  return [
    `${reason}. Nothing was changed. One of these, then npm start again:`,
    first,
    '  unset DATABASE_URL                    a database of its own, in .data/',
    '  START_ADOPTS_DATABASE=true npm start  lets it migrate this one, and add its demo app while there is no other',
  ].join('\n');
}

/** In lower case: whether that matters depends on the server. */
async function listTables(connection: Connection, database: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'select table_name as name from information_schema.tables where table_schema = ?',
    [database],
  );
  return rows.map((row) => String(row['name']).toLowerCase());
}

async function list(
  connection: Connection,
  { database }: DatabaseAddress,
  table: string,
  column: string,
): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('select ?? as value from ??.??', [column, database, table]);
  return rows.map((row) => String(row['value']));
}
