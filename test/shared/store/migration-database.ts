import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { rootDir } from '../../support/built.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

/** What ava's contexts offer for teardown. */
interface Owner {
  teardown(fn: () => unknown): void;
}

export interface TestServer {
  /** `mysql://user:password@host:port` of a user who may do everything. */
  readonly adminUrl: string;
  stop(): Promise<void>;
}

/** A server of the caller's own, whose global settings it may change. */
export async function startOwnServer(): Promise<TestServer> {
  await ensureServers(['mariadb']);
  const folder = await createTemporaryFolder('migrate');
  try {
    const server = await startMariadb({ dir: path.join(folder.path, 'mariadb'), ephemeral: true });
    return { adminUrl: server.adminUrl, stop: () => server.stop().then(folder.remove) };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** The server that the whole test run shares, or one of its own when a file is run by hand. */
export async function findServer(): Promise<TestServer> {
  const shared = process.env['TEST_DATABASE_URL'];
  if (shared === undefined || shared === '') return startOwnServer();
  const url = new URL(shared);
  url.pathname = '';
  return { adminUrl: url.href.replace(/\/$/, ''), stop: () => Promise.resolve() };
}

export interface MigrationDatabase {
  readonly name: string;
  readonly url: string;
  /** Opens a connection that ends with the test. sql_mode is '', as PHP of that time had it; a database must exist for `select`. */
  connect(select?: boolean): Promise<Connection>;
}

/** A name for a database that does not exist yet; whatever comes to be there is dropped at the end of the test. */
export async function reserveDatabase(
  t: Owner,
  server: TestServer,
  name = `migrate_${randomBytes(6).toString('hex')}`,
): Promise<MigrationDatabase> {
  const url = `${server.adminUrl}/${name}`;
  const connect = async (select = true) => {
    const connection = await createConnection({
      uri: select ? url : server.adminUrl,
      multipleStatements: true,
      dateStrings: true,
    });
    t.teardown(() => connection.end());
    await connection.query("set session sql_mode = ''");
    return connection;
  };
  t.teardown(async () => {
    const connection = await createConnection({ uri: server.adminUrl });
    await connection.query('drop database if exists ??', [name]);
    await connection.end();
  });
  return { name, url, connect };
}

export interface ExpectedRow {
  readonly row: number;
  readonly id: string;
  readonly open_id: string;
  readonly kept: boolean;
}

/** Loads the database that the original left behind. */
export async function loadOriginal(database: MigrationDatabase): Promise<Connection> {
  const text = await readFile(path.join(rootDir, 'test/data/cauth/cauth.sql'), 'utf8');
  const admin = await database.connect(false);
  await admin.query(
    text.replace(
      'create database if not exists cAuth; use cAuth;',
      `create database ${database.name}; use ${database.name};`,
    ),
  );
  return database.connect();
}

export async function readExpected(): Promise<ExpectedRow[]> {
  const text = await readFile(path.join(rootDir, 'test/data/cauth/expected.json'), 'utf8');
  return (JSON.parse(text) as { rows: ExpectedRow[] }).rows;
}

/** Columns, keys and table options as the server describes them. */
export async function readSchema(connection: Connection): Promise<unknown> {
  const select = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0];
  return {
    tables: await select(`select table_name, engine, table_collation, create_options, table_comment, row_format
      from information_schema.tables where table_schema = database() order by table_name`),
    columns:
      await select(`select table_name, ordinal_position, column_name, column_default, is_nullable, column_type, character_set_name,
      collation_name, column_key, extra, column_comment from information_schema.columns where table_schema = database() order by table_name, ordinal_position`),
    keys: await select(`select table_name, index_name, non_unique, seq_in_index, column_name, sub_part, nullable, index_type
      from information_schema.statistics where table_schema = database() order by table_name, index_name, seq_in_index`),
  };
}

/** Every value of a table as hex of its bytes, by the table's first column. */
export async function readBytes(
  connection: Connection,
  table: string,
  columns = '*',
): Promise<Record<string, string | null>[]> {
  const [rows] = await connection.query<RowDataPacket[]>({
    sql: `select ${columns} from ${table} order by 1`,
    typeCast: (field) => field.buffer()?.toString('hex') ?? null,
  });
  return rows.map((row) => ({ ...row }));
}

export const originalColumns = 'id, uuid, skey, create_time, last_visit_time, open_id, session_key, user_info';
export const originalAppColumns = 'appid, secret, login_duration, session_duration, qcloud_appid, ip';

/** All rows of all tables. */
export async function readEverything(connection: Connection): Promise<unknown> {
  const tables = ['cAppinfo', 'cSessionInfo', 'cWaferKey', 'cWaferDropped', 'cWaferMigration'];
  const contents: Record<string, unknown> = {};
  for (const table of tables) contents[table] = await readBytes(connection, table);
  return contents;
}
