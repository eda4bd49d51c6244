import test from 'ava';
import type { RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { formatReport } from '../../../shared/store/migrate/report.ts';
import {
  findServer,
  loadOriginal,
  originalAppColumns,
  originalColumns,
  readBytes,
  readEverything,
  readExpected,
  readSchema,
  reserveDatabase,
} from './migration-database.ts';

const names = [
  '0001-original-tables',
  '0002-new-tables',
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
];
const server = await findServer();
test.after.always(() => server.stop());

test('a missing database is created with all migrations', async (t) => {
  const database = await reserveDatabase(t, server);
  const lines: string[] = [];
  const report = await migrate({ databaseUrl: database.url, log: (line) => lines.push(line) });
  t.deepEqual(report, { database: database.name, created: true, applied: names, dropped: [] });
  t.deepEqual(
    lines,
    names.map((name) => `migration ${name}`),
  );
  const connection = await database.connect();
  const [rows] = await connection.query<RowDataPacket[]>(
    'select @@character_set_database as charset, @@collation_database as collation',
  );
  t.like(rows[0], { charset: 'utf8mb4', collation: 'utf8mb4_unicode_ci' });
});

test('the adoption drops exactly the rows that expected.json gives up, and says so', async (t) => {
  const database = await reserveDatabase(t, server);
  await loadOriginal(database);
  const report = await migrate({ databaseUrl: database.url });
  const expected = (await readExpected()).filter((row) => !row.kept);
  t.is(expected.length, 4);
  t.deepEqual(
    report.dropped.map(({ id, uuid, openId }) => ({ row: id, id: uuid, open_id: openId })),
    expected.map(({ row, id, open_id }) => ({ row, id, open_id })),
  );
  t.deepEqual(report.dropped[0], {
    id: 80,
    uuid: '8a2c93909a4320bd7ca3e4a35f71f979',
    openId: 'oQqg8dkG21cVXmjfpPjD-4YpjDEy',
    lastVisitTime: '2026-11-22 12:01:20',
    keptId: 251,
    reason: 'older row of the same uuid',
  });
  const text = formatReport(report);
  for (const row of report.dropped)
    t.true(text.includes(`row ${row.id}: uuid "${row.uuid}"`) && text.includes(`row ${row.keptId} stays`));
  t.is(text.match(/ stays/g)?.length, 4);
});

test('every other row keeps its bytes', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const before = await readBytes(connection, 'cSessionInfo', originalColumns);
  const appsBefore = await readBytes(connection, 'cAppinfo', originalAppColumns);
  await migrate({ databaseUrl: database.url });
  const dropped = new Set(
    (await readExpected()).filter((row) => !row.kept).map((row) => Buffer.from(String(row.row)).toString('hex')),
  );
  t.deepEqual(
    await readBytes(connection, 'cSessionInfo', originalColumns),
    before.filter((row) => !dropped.has(row['id'] ?? '')),
  );
  t.is(before.length, (await readExpected()).length);
  t.deepEqual(await readBytes(connection, 'cAppinfo', originalAppColumns), appsBefore);
});

test('what was dropped is recorded without secrets', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const [secrets] = await connection.query<RowDataPacket[]>(
    'select skey, session_key, user_info from cSessionInfo where id between 80 and 83',
  );
  const report = await migrate({ databaseUrl: database.url });
  const [rows] = await connection.query<RowDataPacket[]>('select * from cWaferDropped');
  const written = JSON.stringify(rows) + JSON.stringify(report) + formatReport(report);
  t.is(secrets.length, 4);
  for (const secret of secrets) for (const value of Object.values(secret)) t.false(written.includes(String(value)));
});

test('a second run changes nothing and says so', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await migrate({ databaseUrl: database.url });
  const before = { rows: await readEverything(connection), schema: await readSchema(connection) };
  const report = await migrate({ databaseUrl: database.url });
  t.deepEqual(report, { database: database.name, created: false, applied: [], dropped: [] });
  t.regex(formatReport(report), /nothing to do/);
  t.deepEqual({ rows: await readEverything(connection), schema: await readSchema(connection) }, before);
});

test('rows with one uuid that the original writes after the adoption are left alone', async (t) => {
  const database = await reserveDatabase(t, server);
  await migrate({ databaseUrl: database.url });
  const connection = await database.connect();
  await connection.query(
    "insert into cSessionInfo set uuid='u', skey='a'; insert into cSessionInfo set uuid='u', skey='b'",
  );
  await migrate({ databaseUrl: database.url });
  t.is((await readBytes(connection, 'cSessionInfo')).length, 2);
});

test('an appid column that is there already stays as it is, rows included', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await connection.query(
    "alter table cSessionInfo add column appid varchar(200) collate utf8_unicode_ci not null after id, add key appid (appid); update cSessionInfo set appid='wxother' where id=1",
  );
  await migrate({ databaseUrl: database.url });
  const [columns] = await connection.query<RowDataPacket[]>("show full columns from cSessionInfo like 'appid'");
  t.like(columns[0], { Type: 'varchar(200)', Null: 'NO' });
  t.regex(String(columns[0]?.['Collation']), /^utf8(mb3)?_unicode_ci$/);
  const [rows] = await connection.query<RowDataPacket[]>(
    'select appid from cSessionInfo where id in (1, 2) order by id',
  );
  t.deepEqual(
    rows.map((row) => String(row['appid'])),
    ['wxother', ''],
  );
});

for (const [found, expected] of [
  ['varchar(2048) not null', 'varchar(12000) not null'],
  [
    "varchar(2048) character set latin1 collate latin1_bin null default 'x' comment 'varchar(2048), of old'",
    "varchar(12000) character set latin1 collate latin1_bin null default 'x' comment 'varchar(2048), of old'",
  ],
  ['varchar(12001) not null', 'varchar(12001) not null'],
  ['text null', 'text null'],
  ['longtext not null', 'longtext not null'],
] as const) {
  test(`user_info found as ${found} becomes ${expected}`, async (t) => {
    const database = await reserveDatabase(t, server);
    const connection = await loadOriginal(database);
    await connection.query(`alter table cSessionInfo modify column user_info ${found}`);
    await migrate({ databaseUrl: database.url });
    await connection.query(
      `create table wanted (user_info ${expected}) default charset=utf8mb4 collate=utf8mb4_unicode_ci`,
    );
    const [[migrated], [wanted]] = [
      (await connection.query<RowDataPacket[]>("show full columns from cSessionInfo like 'user_info'"))[0],
      (await connection.query<RowDataPacket[]>("show full columns from wanted like 'user_info'"))[0],
    ];
    t.deepEqual(migrated, wanted);
  });
}
