import { connect } from 'node:net';
import test from 'ava';
import type { Redis } from 'ioredis';
import { auth, call, login, newUser } from '../support/client.ts';
import { startTestRedis, type TestRedis } from '../support/redis-server.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { openRedis } from '../support/open-redis.ts';

/** Since when Redis has data: a front end that has read this notices when it is gone. */
const dataKey = 'wafer:presence:since';

test.serial('no valid session is refused while Redis is flushed, killed and started', async (t) => {
  const onClose = t.teardown.bind(t);
  const stack = await startStack({ onClose, webs: 2 });
  const [url] = stack.urls;
  const sessions: { id: string; skey: string }[] = [];
  for (let count = 0; count < 20; count++) sessions.push((await login(url, newUser())).returnData);
  const checkAll = async (when: string) => {
    const answers = await Promise.all(sessions.flatMap((session) => stack.urls.map((web) => auth(web, session))));
    t.deepEqual([...new Set(answers.map(({ returnCode, reason }) => `${returnCode} ${reason}`))], ['0 null'], when);
  };
  await checkAll('cached');

  const port = stack.redis?.port as number;
  stack.redis?.kill('SIGKILL');
  await stack.redis?.exited;
  await checkAll('without Redis');
  const failed = await login(url, newUser());
  t.deepEqual([failed.returnCode, failed.reason], [1006, 'store_unavailable']);
  t.is((await auth(url, { id: 'unknown', skey: 'x' })).returnCode, 60012, 'MySQL knows that there is no such session');

  // Empty: the sessions, the visits, the claims, the workers' queues are all gone.
  await startTestRedis({ onClose, port });
  await checkAll('Redis is back');
  await until('log-ins work again', async () => (await login(url, newUser())).returnCode === 0);
  await checkAll('afterwards');
});

for (const [what, lose] of [
  // The second time soon after the first, when the data that it takes are those since then.
  ['is emptied, and again', [emptyIt, emptyIt]],
  ['is killed', [(redis: TestRedis) => redis.kill('SIGKILL')]],
] as const) {
  test.serial(`log-ins that wait while Redis ${what} are told at once, not by their deadline`, async (t) => {
    const stack = await startStack({ onClose: t.teardown.bind(t), workers: 0 });
    const redis = stack.redis as TestRedis;
    const client = openRedis(redis.url);
    client.on('error', () => undefined);
    t.teardown(() => client.disconnect());
    for (const loseIt of lose) {
      await untilRead(redis, dataKey);
      const answer = login(stack.urls[0], newUser());
      await until('it waits', async () => (await client.keys('*:login:*')).some((key) => key.endsWith(':wait')));
      await loseIt(redis, client);
      const { returnCode, reason } = await answer;
      t.deepEqual([returnCode, reason], [1006, 'store_unavailable']);
    }
  });
}

/** By hand, as ioredis takes a command that Redis shows along with its answer to MONITOR for an answer to nothing, and fails. */
async function untilRead(redis: TestRedis, key: string): Promise<void> {
  const { hostname, port } = new URL(redis.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write('MONITOR\r\n');
  let shown = '';
  for await (const text of socket as AsyncIterable<string>) {
    shown += text.toLowerCase();
    if (shown.includes(`"get" "${key}"`)) return;
  }
  throw new Error('Redis went before the key was read');
}

async function emptyIt(_redis: TestRedis, client: Redis): Promise<void> {
  await client.flushall();
}

test.serial('no session is refused while MySQL is away, and cached ones are accepted', async (t) => {
  const stack = await startStack({ onClose: t.teardown.bind(t), webs: 2 });
  const [url, other] = stack.urls as [string, string];
  const user = newUser();
  const { returnData } = await login(url, `${user}~1`);
  t.is((await auth(other, returnData)).returnCode, 0);
  stack.database.cut();

  for (const web of stack.urls) t.is((await auth(web, returnData)).returnCode, 0);
  // Nobody can know whether these are valid.
  const wrong = await auth(url, { ...returnData, skey: 'wrong' });
  t.deepEqual([wrong.returnCode, wrong.returnMessage, wrong.reason], [1001, 'MYSQL_ERR', 'store_unavailable']);
  t.is((await auth(url, { id: 'unknown', skey: 'x' })).returnCode, 1001);
  const decrypt = await call(url, 'qcloud.cam.decrypt', { ...returnData, encrypt_data: 'x' });
  t.is(decrypt.returnCode, 1001);
  const second = { code: `${user}~2` };
  const failed = await call(url, 'qcloud.cam.id_skey', second);
  t.deepEqual(
    [failed.returnCode, failed.returnMessage, failed.reason],
    [1006, 'CHANGE_SESSION_ERR', 'store_unavailable'],
  );
  const degraded = async () => ((await (await fetch(`${url}/readyz`)).json()) as { degraded: string[] }).degraded;
  await until('readiness tells', async () => (await degraded()).includes('mysql'));
  // A front end that starts now can check what is cached.
  const late = await stack.addWeb();
  await until('it does', async () => (await auth(late, returnData)).returnCode === 0, 3000);

  stack.database.restore();
  await until('log-ins work again', async () => (await login(url, `${user}~3`)).returnCode === 0);
  t.is((await auth(url, returnData)).returnCode, 60012);
  // What was recorded before the write failed is written when the same request comes again.
  t.is((await call(url, 'qcloud.cam.id_skey', second)).returnCode, 0);
});

test.serial('decrypted data, codes, keys and skeys are nowhere in Redis in plain', async (t) => {
  const stack = await startStack({ onClose: t.teardown.bind(t) });
  const [url] = stack.urls;
  // The name before ~ is part of the nickName, which the cache may hold.
  const code = `${newUser()}~single-use`;
  const { returnData } = await login(url, code);
  await auth(url, returnData);
  await call(url, 'qcloud.cam.decrypt', { ...returnData, encrypt_data: 'x' });
  const redis = openRedis(stack.redis?.url);
  t.teardown(() => redis.disconnect());
  const dumps = await Promise.all(
    (await redis.keys('*')).map(async (key) => Buffer.concat([Buffer.from(key), await redis.dumpBuffer(key)])),
  );
  const dump = Buffer.concat(dumps).toString('latin1');
  const [row] = await stack.database.query<{ session_key: string }>(
    'select session_key from cSessionInfo where uuid = ?',
    [returnData.id],
  );
  t.true(dump.includes(returnData.id), 'the dump has the session');
  for (const secret of [code, returnData.skey, row?.session_key as string, stack.database.url])
    t.false(dump.includes(secret));
});
