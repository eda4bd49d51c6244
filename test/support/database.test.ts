import test from 'ava';
import { createConnection } from 'mysql2/promise';

import { createTestDatabase } from './database.ts';
import { startTestRedisCluster } from './redis-cluster.ts';
import { startScriptedWechat } from './wechat.ts';
import { openCluster } from './open-redis.ts';

const database = await createTestDatabase();
test.after.always(() => database.close());

test.serial('statements are counted with their texts, prepared ones when they are executed', async (t) => {
  const connection = await createConnection(database.url);
  t.teardown(() => connection.end());
  await connection.query('create table fruit (id int primary key, name text)');
  const long = 'x'.repeat(15_000);
  const statements = await database.countStatements(async () => {
    await connection.query('insert into fruit values (?, ?)', [1, long]);
    for (const id of [1, 2]) await connection.execute('/* why */ SELECT name FROM `fruit` WHERE id = ?', [id]);
    await connection.query('start transaction');
    await connection.query(`update ${database.name}.fruit set name = ''`);
    await connection.query('commit');
    await database.query('select 1 from fruit');
  });
  t.deepEqual(
    statements.map(({ kind, table }) => [kind, table]),
    [
      ['insert', 'fruit'],
      ['select', 'fruit'],
      ['select', 'fruit'],
      ['start', undefined],
      ['update', 'fruit'],
      ['commit', undefined],
    ],
  );
  t.is(statements[0]?.text, `insert into fruit values (1, '${long}')`);
  await connection.query('select 1');
  t.is(statements.length, 6);
});

test.serial('the user of a test database sees no other database', async (t) => {
  const connection = await createConnection(database.url);
  t.teardown(() => connection.end());
  await t.throwsAsync(connection.query('select * from mysql.user'), { message: /denied/ });
});

test.serial('a cut database refuses until it is restored', async (t) => {
  database.cut();
  await t.throwsAsync(createConnection(database.url));
  t.is((await database.query('select 1')).length, 1);
  database.restore();
  const connection = await createConnection(database.url);
  await connection.end();
  t.pass();
});

test('a test cluster serves every slot', async (t) => {
  const cluster = await startTestRedisCluster({ onClose: t.teardown });
  const ports = cluster.url.slice('redis+cluster://'.length).split(',');
  t.is(ports.length, 3);
  const client = openCluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  t.teardown(() => client.disconnect());
  for (let index = 0; index < 50; index++) await client.set(`key${index}`, index);
  const sizes = await Promise.all(client.nodes('master').map((node) => node.dbsize()));
  t.is(sizes.length, 3);
  t.true(sizes.every((size) => size > 0));
});

test('a scripted WeChat answers in order and keeps the requests', async (t) => {
  const wechat = await startScriptedWechat({
    answers: [{ body: { errcode: 0 } }, { status: 503, body: 'x', contentType: 'text/html' }, { hangUp: true }],
    onClose: t.teardown,
  });
  t.is(await (await fetch(`${wechat.url}/a?b=1`)).text(), '{"errcode":0}');
  t.is((await fetch(wechat.url)).status, 503);
  await t.throwsAsync(fetch(wechat.url));
  t.is((await fetch(wechat.url)).status, 500);
  t.deepEqual(wechat.requests[0], { path: '/a', query: { b: '1' } });
});
