import test from 'ava';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { withStatementProgress } from '../../../shared/store/migrate/statement-progress.ts';
import { findServer, reserveDatabase, type MigrationDatabase } from './migration-database.ts';

const server = await findServer();
test.after.always(() => server.stop());

async function createDatabase(database: MigrationDatabase): Promise<Connection> {
  const connection = await database.connect(false);
  await connection.query(`create database ${database.name}; use ${database.name}`);
  return connection;
}

test('of an alter that lasts MariaDB tells the share that is done', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await createDatabase(database);
  const [[found]] = await connection.query<RowDataPacket[]>('select version() as version');
  await connection.query('create table many (id int primary key, text varchar(200))');
  await connection.query("insert into many values (1, repeat('x', 200))");
  for (let rows = 1; rows < 100_000; rows *= 2)
    await connection.query('insert into many select id + ?, text from many', [rows]);
  const shares: number[] = [];
  let looks = 0;
  const alter = () =>
    withStatementProgress(
      connection,
      () => database.connect(),
      (share) => {
        looks += 1;
        if (share !== undefined) shares.push(share);
      },
      () => connection.query('alter table many force, algorithm = copy'),
      5,
    );
  if (!/mariadb/i.test(String(found?.['version']))) {
    await alter();
    t.deepEqual(shares, []);
    return;
  }
  // A fast machine may be done before anybody looks.
  for (let tries = 0; tries < 20 && shares.length < 2; tries++) await alter();
  t.true(shares.length >= 2, `${looks} looks, of which ${shares.length} saw a share`);
  for (const share of shares) t.true(share >= 0 && share <= 1, String(share));
});

test('who can not watch does not stop the statement, and gets no share', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await createDatabase(database);
  const told: unknown[] = [];
  const [rows] = await withStatementProgress(
    connection,
    () => Promise.reject(new Error('too many connections')),
    (share) => told.push(share),
    () => connection.query('select sleep(0.1) as slept'),
    5,
  );
  t.deepEqual(rows, [{ slept: 0 }]);
  t.deepEqual([...new Set(told)], [undefined]);
});
