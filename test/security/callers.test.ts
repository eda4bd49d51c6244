import { createHash } from 'node:crypto';
import test from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startProcess } from '../support/processes.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { openRedis } from '../support/open-redis.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 2 });
const [url, neighbour] = stack.urls as [string, string];
const strict = await stack.addWeb({ REQUIRE_CALLER_KEY: 'true' });
await untilReady(strict);
const [, offLane] = await openBothWays(stack);
const sites = [
  { how: 'with the fast lane', url, strict },
  {
    how: 'without the fast lane',
    url: offLane?.url as string,
    strict: await stack.addWeb({ ...offLane?.env, REQUIRE_CALLER_KEY: 'true' }),
  },
];
let count = 0;
async function addCaller(name = `caller${count++}`): Promise<{ name: string; key: string }> {
  const run = await runCli(stack.env, ['caller', 'add', name, '--json']);
  if (run.status !== 0) throw new Error(run.stderr);
  return { name, key: run.json.key as string };
}

const logIn = async () => (await login(url, `${newUser()}~1`)).returnData as { id: string; skey: string };
const post = (address: string) => fetch(address, { method: 'POST', body: '{}' });
const noCaller = 'A'.repeat(32);

test.serial('the database holds the hash of a key, list shows names, and a name is given once', async (t) => {
  const { name, key } = await addCaller();
  t.regex(key, /^[\w-]{32}$/);
  const rows = await stack.database.query('select lower(hex(key_hash)) as hash from cWaferCaller where name = ?', [
    name,
  ]);
  t.deepEqual(rows, [{ hash: createHash('sha256').update(key).digest('hex') }]);
  const list = await runCli(stack.env, ['caller', 'list', '--json']);
  t.true(list.json.callers.some((caller: { name: string }) => caller.name === name));
  t.false(list.stdout.includes(key));
  const again = await runCli(stack.env, ['caller', 'add', name, '--json']);
  t.is(again.status, 1);
  t.is(again.json.error.code, 'caller_exists');
  t.is((await post(`${url}/k/${key}/mina_auth/`)).status, 200, 'the key is as it was');
});

for (const { how, url, strict } of sites) {
  test.serial(`a key works in front of every spelling of the path and of forward auth, ${how}`, async (t) => {
    const { key } = await addCaller();
    const session = await logIn();
    for (const path of ['/mina_auth/', '/mina_auth', '/mina_auth/index.php', '/mina_auth/?a=b']) {
      const response = await post(`${url}/k/${key}${path}`);
      t.is(response.status, 200, path);
      t.regex(await response.text(), /NO_INTERFACENAME_PARA/, path);
    }
    t.is((await auth(`${url}/k/${key}`, session)).returnCode, 0);
    const headers = { 'X-WX-Id': session.id, 'X-WX-Skey': session.skey };
    t.is((await fetch(`${url}/k/${key}/forward-auth`, { headers })).status, 200);
    t.is((await fetch(`${url}/k/${key}/forward-auth`)).status, 401, 'of the session');
  });

  test.serial(`an unknown key is 401 with JSON, whether keys are required or not, ${how}`, async (t) => {
    for (const base of [url, strict]) {
      for (const key of [noCaller, '', 'x'.repeat(10_000), '%00', "'or'1'='1", 'a;b']) {
        const response = await post(`${base}/k/${key}/mina_auth/`);
        t.is(response.status, 401, key);
        t.deepEqual(await response.json(), { error: 'caller_key_unknown' });
        t.is(response.headers.get('x-wafer-reason'), 'caller_key_unknown');
      }
    }
  });

  test.serial(`a request without a required key is 401, but for health and metrics, ${how}`, async (t) => {
    const session = await logIn();
    for (const path of ['/mina_auth/', '/mina_auth', '/mina_auth/index.php', '/', '/LIVEZ', '/metrics/']) {
      const response = await post(`${strict}${path}`);
      t.is(response.status, 401, path);
      t.deepEqual(await response.json(), { error: 'caller_key_missing' });
    }
    for (const path of ['/livez', '/readyz', '/metrics', '/openapi.json?x'])
      t.is((await fetch(`${strict}${path}`)).status, 200, path);
    const { key } = await addCaller();
    t.is((await auth(`${strict}/k/${key}`, session)).returnCode, 0);
  });

  test.serial(`forward auth without a key is 403: 401 would tell the user to log in again, ${how}`, async (t) => {
    const session = await logIn();
    const headers = { 'X-WX-Id': session.id, 'X-WX-Skey': session.skey };
    const missing = await fetch(`${strict}/forward-auth`, { headers });
    t.is(missing.status, 403);
    t.deepEqual(await missing.json(), { error: 'caller_key_missing' });
    t.is((await fetch(`${url}/k/${noCaller}/forward-auth`, { headers })).status, 403);
  });

  test.serial(`behind a key there is the protocol and forward auth, nothing else, ${how}`, async (t) => {
    const { key } = await addCaller();
    for (const path of ['', '/', '/metrics', '/livez', `/k/${key}/mina_auth/`, '/mina_auth/index.html', '//metrics']) {
      const response = await post(`${strict}/k/${key}${path}`);
      t.is(response.status, 404, path);
      t.deepEqual(await response.json(), { error: 'not_found' });
    }
  });
}

test.serial('a revoked key is refused by every front end at once', async (t) => {
  const { name, key } = await addCaller();
  const other = await addCaller();
  const statuses = (of: string) =>
    Promise.all(
      [url, neighbour, strict, sites[1]?.url].map(async (base) => (await post(`${base}/k/${of}/mina_auth/`)).status),
    );
  t.deepEqual(await statuses(key), [200, 200, 200, 200]);
  const run = await runCli(stack.env, ['caller', 'revoke', name, '--json']);
  t.is(run.status, 0, run.stderr);
  t.deepEqual(run.json.forgotten.silent, []);
  t.deepEqual(await statuses(key), [401, 401, 401, 401]);
  t.deepEqual(await statuses(other.key), [200, 200, 200, 200]);
  t.is((await runCli(stack.env, ['caller', 'revoke', name])).status, 1);
  const renewed = await addCaller(name);
  t.deepEqual(await statuses(renewed.key), [200, 200, 200, 200]);
  t.deepEqual(await statuses(key), [401, 401, 401, 401]);
});

test.serial('a caller that is removed by SQL is refused within seconds, without any message', async (t) => {
  const { name, key } = await addCaller();
  t.is((await post(`${url}/k/${key}/mina_auth/`)).status, 200);
  await stack.database.query('delete from cWaferCaller where name = ?', [name]);
  await until('the key is refused', async () => (await post(`${url}/k/${key}/mina_auth/`)).status === 401, 6000);
  t.pass();
});

test.serial('requests without a key, and a flood of unknown ones, cost no SQL of their own', async (t) => {
  const session = await logIn();
  await auth(url, session);
  const plain = await stack.database.countStatements(async () => {
    for (let index = 0; index < 50; index++) await auth(url, session);
  });
  const ofCallers = (statements: readonly object[]) =>
    statements.filter((statement) => JSON.stringify(statement).includes('cWaferCaller')).length;
  t.is(ofCallers(plain), 0);
  await post(`${url}/k/${noCaller}/mina_auth/`);
  const flood = await stack.database.countStatements(async () => {
    await Promise.all(Array.from({ length: 200 }, (_, index) => post(`${url}/k/${noCaller}${index}/mina_auth/`)));
  });
  t.true(ofCallers(flood) <= 3, `${ofCallers(flood)} statements`);
});

test.serial('without MySQL a known key is good and an unknown one 401', async (t) => {
  const { key } = await addCaller();
  t.is((await post(`${url}/k/${key}/mina_auth/`)).status, 200);
  stack.database.cut();
  t.teardown(async () => stack.database.restore());
  const redis = openRedis(`redis://127.0.0.1:${stack.config.redis.queue.nodes[0].port}`);
  t.teardown(async () => redis.disconnect());
  for (const forgets of [false, true]) {
    if (forgets)
      await redis.publish('wafer:control', JSON.stringify({ kind: 'forget-cached', id: 'aaaaaaaaaaaaaaaa' }));
    for (const base of [url, strict]) {
      t.is((await post(`${base}/k/${key}/mina_auth/`)).status, 200);
      t.is((await post(`${base}/k/${noCaller}/mina_auth/`)).status, 401);
    }
  }
  // A front end that has never read MySQL can't tell a copy from a forgery.
  const late = await stack.addWeb({ REQUIRE_CALLER_KEY: 'true' });
  t.is((await post(`${late}/k/${key}/mina_auth/`)).status, 503);
});

test.serial('without MySQL and without a copy nobody knows: 503, not 401', async (t) => {
  const { key } = await addCaller();
  stack.database.cut();
  t.teardown(async () => stack.database.restore());
  const late = await stack.addWeb({ REDIS_CACHE_URL: 'redis://127.0.0.1:1' });
  const response = await post(`${late}/k/${key}/mina_auth/`);
  t.is(response.status, 503);
  t.is(response.headers.get('retry-after'), '1');
  t.deepEqual(await response.json(), { error: 'callers_unavailable' });
});

test.serial('requests are counted by caller and refusals by reason, without any key', async (t) => {
  const { name, key } = await addCaller();
  const child = startProcess('web', { ...stack.env, REQUIRE_CALLER_KEY: 'true', HOST: '127.0.0.1' }, async (close) => {
    t.teardown(close);
  });
  await child.logged('web listens');
  const port = (JSON.parse(child.log.find((line) => line.includes('web listens')) as string) as { port: number }).port;
  const base = `http://127.0.0.1:${port}`;
  await untilReady(base);
  t.is((await post(`${base}/k/${key}/mina_auth/`)).status, 200);
  t.is((await post(`${base}/k/${key}x/mina_auth/`)).status, 401);
  t.is((await post(`${base}/k/${key}/metrics`)).status, 404);
  await child.logged('request refused');
  const metrics = await readFreshMetrics(base);
  t.regex(metrics, new RegExp(`wafer_caller_requests_total\\{caller="${name}"\\} 1\n`));
  t.regex(metrics, /wafer_refused_requests_total\{reason="caller_key_unknown"\} \d+\n/);
  const redis = openRedis(`redis://127.0.0.1:${stack.config.redis.cache.nodes[0].port}`);
  t.teardown(async () => redis.disconnect());
  const copy = (await redis.get('wafer:callers')) ?? '';
  t.false(copy.includes(name), 'sealed');
  t.false([metrics, copy, ...child.log].join('\n').includes(key));
  t.true(child.log.some((line) => line.includes('"reason":"caller_key_unknown","address":"127.0.0.1"')));
});
