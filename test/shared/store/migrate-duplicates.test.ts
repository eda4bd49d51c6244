import test from 'ava';
import type { Connection } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { dropDuplicateIds } from '../../../shared/store/migrate/duplicate-ids.ts';
import { readDropped } from '../../../shared/store/migrate/report.ts';
import { findServer, readBytes, reserveDatabase } from './migration-database.ts';

const server = await findServer();
test.after.always(() => server.stop());

async function createWithRows(
  t: Parameters<typeof reserveDatabase>[0],
  rows: [id: number, uuid: string, lastVisitTime: string][],
): Promise<Connection> {
  const database = await reserveDatabase(t, server);
  await migrate({ databaseUrl: database.url });
  const connection = await database.connect();
  await connection.query(
    'insert into cSessionInfo (id, uuid, skey, create_time, last_visit_time, open_id, session_key, user_info) values ?',
    [rows.map(([id, uuid, lastVisitTime]) => [id, uuid, `s${id}`, '2020-01-01 00:00:00', lastVisitTime, 'o', 'k', ''])],
  );
  return connection;
}

async function readIds(connection: Connection): Promise<number[]> {
  return (await readBytes(connection, 'cSessionInfo', 'id')).map((row) =>
    Number(Buffer.from(row['id'] ?? '', 'hex').toString()),
  );
}

test('uuids that differ only in case or trailing spaces are different', async (t) => {
  const connection = await createWithRows(t, [
    [1, 'abc', '2020-01-01 00:00:00'],
    [2, 'ABC', '2020-01-02 00:00:00'],
    [3, 'abc ', '2020-01-03 00:00:00'],
    [4, 'ABC', '2020-01-01 00:00:00'],
  ]);
  await dropDuplicateIds(connection);
  t.deepEqual(await readIds(connection), [1, 2, 3]);
  t.like(await readDropped(connection), [{ id: 4, keptId: 2 }]);
});

test('of equal last visits the greater id stays, and a zero date is the oldest', async (t) => {
  const connection = await createWithRows(t, [
    [1, 'u', '2020-01-01 00:00:00'],
    [2, 'u', '2020-01-01 00:00:00'],
    [3, 'u', '0000-00-00 00:00:00'],
    [10, 'v', '0000-00-00 00:00:00'],
    [9, 'v', '0000-00-00 00:00:00'],
  ]);
  await dropDuplicateIds(connection);
  t.deepEqual(await readIds(connection), [2, 10]);
});

test('groups larger than a page and a chunk leave one row each', async (t) => {
  const rows = Array.from({ length: 61 }, (_, index) => {
    const uuid = ['', 'a', 'b', 'b', 'c'][index % 5] ?? '';
    return [index + 1, uuid, `2020-01-01 00:00:${String((index * 7) % 60).padStart(2, '0')}`] as [
      number,
      string,
      string,
    ];
  });
  const connection = await createWithRows(t, rows);
  const newest = new Map<string, number>();
  for (const [id, uuid] of rows.toSorted((a, b) => a[2].localeCompare(b[2]) || a[0] - b[0])) newest.set(uuid, id);
  await dropDuplicateIds(connection, { pageSize: 3, chunkSize: 2 });
  t.deepEqual(
    await readIds(connection),
    [...newest.values()].toSorted((a, b) => a - b),
  );
  const dropped = await readDropped(connection);
  t.is(dropped.length, 57);
  for (const row of dropped) t.is(row.keptId, newest.get(row.uuid) ?? 0);
});

test('a visit that is written while rows are dropped decides anew', async (t) => {
  const connection = await createWithRows(t, [
    [1, 'u', '2020-01-01 00:00:00'],
    [2, 'u', '2020-01-03 00:00:00'],
    [3, 'u', '2020-01-02 00:00:00'],
  ]);
  const other = await reserveOther(t, connection);
  await other.query("begin; update cSessionInfo set last_visit_time='2020-01-04 00:00:00' where id=1");
  const dropping = dropDuplicateIds(connection, { chunkSize: 1 });
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  await other.query('commit');
  await dropping;
  t.deepEqual(await readIds(connection), [1]);
  t.deepEqual(
    (await readDropped(connection)).map(({ id, keptId }) => ({ id, keptId })),
    [
      { id: 2, keptId: 1 },
      { id: 3, keptId: 1 },
    ],
  );
});

test('a delete that fails leaves no record of a drop', async (t) => {
  const connection = await createWithRows(t, [
    [1, 'u', '2020-01-01 00:00:00'],
    [2, 'u', '2020-01-02 00:00:00'],
  ]);
  await connection.query(
    "create trigger refuse before delete on cSessionInfo for each row signal sqlstate '45000' set message_text = 'refused'",
  );
  await t.throwsAsync(dropDuplicateIds(connection), { message: 'refused' });
  t.deepEqual(await readDropped(connection), []);
  await connection.query('drop trigger refuse');
  await dropDuplicateIds(connection);
  t.like(await readDropped(connection), [{ id: 1, keptId: 2 }]);
});

async function reserveOther(t: Parameters<typeof reserveDatabase>[0], connection: Connection): Promise<Connection> {
  const [rows] = await connection.query('select database() as name');
  const name = (rows as { name: string }[])[0]?.name ?? '';
  return (await reserveDatabase(t, server, name)).connect();
}
