import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { aliveMs } from '../../shared/redis/presence.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, login, newUser } from '../support/client.ts';
import { openRedis } from '../support/open-redis.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const presence = 'wafer:presence';

test('an erasure waits for a front end that is cut off, and answers from memory', async (t) => {
  const onClose = t.teardown.bind(t);
  const { env, urls, redis, database, addWeb } = await startStack({ onClose });
  const [url] = urls;
  const client = openRedis(redis?.url);
  onClose(async () => client.disconnect());
  const before = await client.zrange(presence, '0', '-1');
  const toRedis = await startTcpProxy({ port: redis?.port as number, onClose });
  const databaseUrl = new URL(database.url);
  const toMysql = await startTcpProxy({ port: Number(databaseUrl.port), onClose });
  databaseUrl.port = String(toMysql.port);
  const cutOff = await addWeb({ REDIS_URL: `redis://127.0.0.1:${toRedis.port}`, DATABASE_URL: databaseUrl.href });
  const name = await until('it is heard of', async () =>
    (await client.zrange(presence, '0', '-1')).find((each) => !before.includes(each)),
  );
  const user = newUser();
  const { returnData: session } = await login(url, `${user}~1`);
  await until('it remembers the session', async () => {
    t.is((await auth(cutOff, session)).returnCode, 0);
    const metrics = await (await fetch(`${cutOff}/metrics`)).text();
    return /^wafer_session_lookups_total\{result="remembered"\} [1-9]/m.test(metrics);
  });

  for (const proxy of [toRedis, toMysql]) await proxy.refuse();
  // As if it had been so for longer.
  await client.zincrby(presence, -aliveMs, name);
  const { status, json } = await runCli(env, ['user', 'erase', '--open-id', openIdOf(testAppid, user), '--json']);
  t.deepEqual([status, (json as { silent: string[] }).silent], [1, [name]]);
  t.is((await auth(cutOff, session)).returnCode, 0, 'it knows no better');

  for (const proxy of [toRedis, toMysql]) await proxy.pass();
  await until('a worker has finished it', async () => {
    const [row] = await database.query<{ count: number }>(
      'select count(*) as count from cWaferErasure where todo is not null',
    );
    return row?.count === 0;
  });
  t.is((await auth(cutOff, session)).returnCode, 60012);
});
