import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { programArgs } from '../../support/built.ts';
import { findSqlFolder, listSqlFiles } from '../../../shared/store/migrate/sql-file.ts';
import { MigrationError } from '../../../shared/store/migrate/migration-error.ts';
import {
  findServer,
  loadOriginal,
  originalColumns,
  readBytes,
  readExpected,
  readSchema,
  reserveDatabase,
  type MigrationDatabase,
} from './migration-database.ts';

const server = await findServer();
const program = programArgs('cli/migrate');
/** The files, and the adoption of rows. */
const migrationCount = (await listSqlFiles(await findSqlFolder())).length + 1;
test.after.always(() => server.stop());

/** `npm run migrate`, in a process of its own. */
function startMigrateProcess(t: ExecutionContext, databaseUrl: string): ChildProcess {
  const child = spawn(process.execPath, [...program, '--json'], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

async function readOutput(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (part: Buffer) => (text += part.toString()));
  await once(child, 'close');
  return text;
}

/** Waits until a session in this database hangs in a statement that begins like this: seen four times on end. */
async function waitForStatement(connection: Connection, database: string, begin: string): Promise<void> {
  for (let attempt = 0, sightings = 0; attempt < 400; attempt += 1) {
    const [rows] = await connection.query<RowDataPacket[]>('show full processlist');
    const isHanging = rows.some(
      ({ db, Info: info }) => db === database && String(info).toLowerCase().startsWith(begin),
    );
    sightings = isHanging ? sightings + 1 : 0;
    if (sightings === 4) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`no session came to hang in ${begin}`);
}

async function readSchemaOf(
  t: ExecutionContext,
  prepare: (database: MigrationDatabase) => Promise<unknown>,
): Promise<unknown> {
  const database = await reserveDatabase(t, server);
  await prepare(database);
  await migrate({ databaseUrl: database.url });
  return readSchema(await database.connect());
}

for (const runs of [2, 5]) {
  test(`${runs} runs at once migrate a missing database once`, async (t) => {
    const database = await reserveDatabase(t, server);
    const reports = await Promise.all(Array.from({ length: runs }, () => migrate({ databaseUrl: database.url })));
    t.is(reports.filter((report) => report.applied.length === migrationCount).length, 1);
    t.is(reports.filter((report) => report.applied.length === 0).length, runs - 1);
    t.is(reports.filter((report) => report.created).length, 1);
  });

  test(`${runs} runs at once adopt the original once, and one of them reports its rows`, async (t) => {
    const database = await reserveDatabase(t, server);
    const connection = await loadOriginal(database);
    const reports = await Promise.all(Array.from({ length: runs }, () => migrate({ databaseUrl: database.url })));
    t.deepEqual(
      reports.map((report) => report.dropped.length).toSorted((a, b) => a - b),
      [...Array.from({ length: runs - 1 }, () => 0), 4],
    );
    t.is((await readBytes(connection, 'cWaferDropped')).length, 4);
  });
}

test('two processes at once both succeed', async (t) => {
  const database = await reserveDatabase(t, server);
  await loadOriginal(database);
  const children = [startMigrateProcess(t, database.url), startMigrateProcess(t, database.url)];
  const reports = await Promise.all(children.map(readOutput));
  t.deepEqual(
    children.map((child) => child.exitCode),
    [0, 0],
  );
  const dropped = reports.map((report) => (JSON.parse(report) as { dropped: unknown[] }).dropped.length);
  t.deepEqual(
    dropped.toSorted((a, b) => a - b),
    [0, 4],
  );
});

test('the lock of one database does not hold up another', async (t) => {
  const [one, other] = [await reserveDatabase(t, server), await reserveDatabase(t, server)];
  const connection = await loadOriginal(one);
  await connection.query('begin; select * from cSessionInfo limit 1');
  const waiting = migrate({ databaseUrl: one.url });
  await waitForStatement(await one.connect(), one.name, 'alter table');
  t.is((await migrate({ databaseUrl: other.url })).applied.length, migrationCount);
  await connection.query('commit');
  t.is((await waiting).applied.length, migrationCount);
});

test('a run that waits too long for another one says so', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await connection.query('begin; select * from cSessionInfo limit 1');
  const first = migrate({ databaseUrl: database.url });
  await waitForStatement(await database.connect(), database.name, 'alter table');
  const error = await t.throwsAsync(migrate({ databaseUrl: database.url, lockWaitSeconds: 1 }), {
    instanceOf: MigrationError,
  });
  t.is(error.code, 'migration_running');
  await connection.query('commit');
  await first;
});

test('migrate gives up on a busy table, and a later run finishes', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await connection.query('begin; select * from cSessionInfo limit 1');
  const error = await t.throwsAsync(migrate({ databaseUrl: database.url, tableWaitSeconds: 1 }), {
    instanceOf: MigrationError,
  });
  t.is(error.code, 'table_busy');
  await connection.query('commit');
  t.deepEqual((await migrate({ databaseUrl: database.url })).applied, [
    '0003-session-columns',
    '0004-duplicate-ids',
    '0005-apps-and-policies',
    '0006-keys-and-audit',
    '0007-callers',
    '0008-caller-app',
    '0009-phone-data',
    '0010-revocations',
    '0011-former-keys',
    '0012-user-data-settings',
    '0013-ended-skeys',
    '0014-caller-permissions',
    '0015-app-kinds',
    '0016-erasures',
    '0017-operators',
    '0018-session-lists',
    '0019-events',
    '0020-samples',
    '0021-devices',
    '0022-erasure-keys',
    '0023-profile-fence',
    '0024-waiting-events',
    '0025-session-caller',
    '0026-sign-in-ids',
  ]);
});

test('a process killed inside an ALTER leaves a database that the next run finishes', async (t) => {
  const wanted = await readSchemaOf(t, loadOriginal);
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const before = await readBytes(connection, 'cSessionInfo', originalColumns);
  // Widened already, so that the ALTER to be met is the one that adds columns, which can't run twice.
  await connection.query('alter table cSessionInfo modify column user_info varchar(12000) not null');
  await connection.query('begin; select * from cSessionInfo limit 1');
  const child = startMigrateProcess(t, database.url);
  await waitForStatement(await database.connect(), database.name, 'alter table');
  child.kill('SIGKILL');
  await once(child, 'close');
  // The server is still at the ALTER of the dead process when this one looks at the table.
  const next = migrate({ databaseUrl: database.url });
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  await connection.query('commit');
  t.is((await next).dropped.length, 4);
  t.deepEqual(await readSchema(connection), wanted);
  t.is((await readBytes(connection, 'cSessionInfo')).length, before.length - 4);
});

test('a process killed between two drops leaves the rest to the next run', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await migrateUpToAdoption(database, connection);
  const held = (await readExpected()).filter((row) => !row.kept).toSorted((a, b) => (a.id < b.id ? -1 : 1))[2];
  await connection.query('begin; select id from cSessionInfo where id = ? for update', [held?.row]);
  const child = startMigrateProcess(t, database.url);
  const watcher = await database.connect();
  await waitForStatement(watcher, database.name, 'select id, uuid, hex');
  t.is((await readBytes(watcher, 'cWaferDropped')).length, 2);
  child.kill('SIGKILL');
  await once(child, 'close');
  const next = migrate({ databaseUrl: database.url });
  await connection.query('commit');
  const report = await next;
  t.deepEqual(report.applied, ['0004-duplicate-ids']);
  t.deepEqual(
    report.dropped.map((row) => row.id),
    (await readExpected()).filter((row) => !row.kept).map((row) => row.row),
  );
});

/** The adopted schema with all rows of the original still there. */
async function migrateUpToAdoption(database: MigrationDatabase, connection: Connection): Promise<void> {
  await connection.query('create table saved select * from cSessionInfo');
  await migrate({ databaseUrl: database.url });
  await connection.query(`delete from cWaferMigration where name = '0004-duplicate-ids'; delete from cWaferDropped;
    insert ignore into cSessionInfo (${originalColumns}) select ${originalColumns} from saved; drop table saved`);
}

for (const [done, statements] of Object.entries({
  'the table of migrations only':
    'create table cWaferMigration (name varchar(100) not null, ran_at datetime not null default current_timestamp, primary key (name)) default charset=utf8mb4 collate=utf8mb4_unicode_ci',
  'the widening': 'alter table cSessionInfo modify column user_info varchar(12000) not null',
  'the widening and the columns': `alter table cSessionInfo modify column user_info varchar(12000) not null;
    alter table cSessionInfo add column appid varchar(200) null default null, add column user_key binary(32) null default null,
      add column slot smallint unsigned null default null, add column fence bigint unsigned not null default 0,
      add column union_id varchar(100) null default null, add column user_info_long mediumtext null default null`,
})) {
  test(`a run that did ${done}, unrecorded, is finished by the next`, async (t) => {
    const wanted = await readSchemaOf(t, loadOriginal);
    const found = await readSchemaOf(t, async (database) => {
      const connection = await loadOriginal(database);
      await connection.query(statements);
    });
    t.deepEqual(found, wanted);
  });
}

test('a run whose record alone is missing changes nothing in the schema', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await migrate({ databaseUrl: database.url });
  const wanted = await readSchema(connection);
  await connection.query('delete from cWaferMigration');
  const report = await migrate({ databaseUrl: database.url });
  t.is(report.applied.length, migrationCount);
  t.deepEqual(await readSchema(connection), wanted);
});
