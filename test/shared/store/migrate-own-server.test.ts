import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { loadOriginal, readSchema, reserveDatabase, startOwnServer } from './migration-database.ts';
import { rootDir } from '../../support/built.ts';

// These need a server whose settings and whose cAuth are free to change.
const server = await startOwnServer();
test.after.always(() => server.stop());

const file = path.join(rootDir, 'sql/db.sql');

/** `mysql < sql/db.sql`, with the real client where there is one. */
async function runDbSql(): Promise<'client' | 'driver'> {
  const { hostname, port, username, password } = new URL(server.adminUrl);
  for (const client of ['mariadb', 'mysql']) {
    try {
      const command = `${client} --no-defaults -h ${hostname} -P ${port} -u ${username} < "$FILE"`;
      await promisify(execFile)('sh', ['-c', command], { env: { ...process.env, FILE: file, MYSQL_PWD: password } });
      return 'client';
    } catch (error) {
      if ((error as { code?: unknown }).code !== 127) throw error;
    }
  }
  const connection = await createConnection({ uri: server.adminUrl, multipleStatements: true });
  await connection.query(await readFile(file, 'utf8')).finally(() => connection.end());
  return 'driver';
}

async function readNames(connection: Connection): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('select name from cWaferMigration order by name');
  return rows.map((row) => String(row['name']));
}

test.serial('sql/db.sql makes what the migrations make', async (t) => {
  const migrated = await reserveDatabase(t, server);
  await migrate({ databaseUrl: migrated.url });
  const made = await reserveDatabase(t, server, 'cAuth');
  t.log(`by ${await runDbSql()}`);
  const [one, other] = [await made.connect(), await migrated.connect()];
  t.deepEqual(await readSchema(one), await readSchema(other));
  t.deepEqual(await readNames(one), await readNames(other));
  const options =
    'select default_character_set_name, default_collation_name from information_schema.schemata where schema_name = database()';
  t.deepEqual((await one.query(options))[0], (await other.query(options))[0]);
  t.deepEqual((await migrate({ databaseUrl: made.url })).applied, []);
});

test.serial('sql/db.sql stops at an existing cAuth and changes nothing there', async (t) => {
  const database = await reserveDatabase(t, server, 'cAuth');
  const connection = await loadOriginal(database);
  const before = await readSchema(connection);
  await t.throwsAsync(runDbSql());
  t.deepEqual(await readSchema(connection), before);
});

test.serial('zero dates survive where the server is strict', async (t) => {
  const admin = await createConnection({ uri: server.adminUrl });
  t.teardown(() => admin.end());
  await admin.query(
    "set global sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
  );
  t.teardown(() => admin.query('set global sql_mode = default'));
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await connection.query("update cSessionInfo set last_visit_time = '0000-00-00 00:00:00' where id = 80");
  const report = await migrate({ databaseUrl: database.url });
  t.is(report.dropped[0]?.lastVisitTime, '0000-00-00 00:00:00');
  const [rows] = await connection.query<RowDataPacket[]>(
    "select count(*) as zero from cSessionInfo where create_time = '0000-00-00 00:00:00'",
  );
  t.is(rows[0]?.['zero'], 3);
});
