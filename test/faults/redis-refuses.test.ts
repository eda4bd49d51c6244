import test from 'ava';
import { Redis } from 'ioredis';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { runDoctor } from '../support/doctor.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { startTestRedis, type TestRedis } from '../support/redis-server.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const password = 'the-one-of-this-Redis';
noteSecret('Redis password', password);
interface Warning {
  readonly time: string;
  readonly redis: string;
  readonly cause: string;
}

const warningsOf = ({ log }: TestProcess): Warning[] =>
  log.filter((line) => line.includes('"Redis can not be used"')).map((line) => JSON.parse(line) as Warning);

async function withAdmin(redis: TestRedis, work: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(redis.url, { lazyConnect: true });
  try {
    await work(client);
  } finally {
    client.disconnect();
  }
}

for (const [what, prepare, userinfo, cause] of [
  ['is not there', (redis) => redis.close(), '', /nothing listens/],
  ['wants a password', (redis) => setPassword(redis), '', /wants a password/],
  ['refuses the password', (redis) => setPassword(redis), ':wrong@', /refuses the user or the password/],
  [
    'gives the user no rights',
    (redis) => withAdmin(redis, (client) => client.acl('SETUSER', 'poor', 'on', `>${password}`, '+ping')),
    `poor:${password}@`,
    /lacks a right/,
  ],
] as readonly (readonly [string, (redis: TestRedis) => Promise<unknown>, string, RegExp])[]) {
  test(`a Redis that ${what} at the start is told by web and worker, once a second`, async (t) => {
    const onClose = t.teardown.bind(t);
    const redis = await startTestRedis();
    t.teardown(() => redis.close());
    await prepare(redis);
    const env = { ...stack.env, REDIS_URL: `redis://${userinfo}127.0.0.1:${redis.port}` };
    for (const role of ['web', 'worker'] as const) {
      const process = startProcess(role, env, onClose);
      await until(`the ${role} has said it three times`, async () => warningsOf(process).length >= 3, 20_000);
      const warnings = warningsOf(process);
      for (const [index, warning] of warnings.entries()) {
        t.is(warning.redis, `127.0.0.1:${redis.port}`);
        t.regex(warning.cause, cause);
        const before = warnings[index - 1];
        if (before !== undefined) t.true(Date.parse(warning.time) - Date.parse(before.time) >= 990);
      }
      t.false(process.log.some((line) => line.includes(password)));
    }
  });
}

const setPassword = (redis: TestRedis) => withAdmin(redis, (client) => client.config('SET', 'requirepass', password));

test('rights that come later are enough: nothing has to be restarted', async (t) => {
  const onClose = t.teardown.bind(t);
  const redis = await startTestRedis({ onClose });
  await withAdmin(redis, (client) => client.acl('SETUSER', 'poor', 'on', `>${password}`, '+ping'));
  const port = await findFreePort();
  const env = { ...stack.env, REDIS_URL: `redis://poor:${password}@127.0.0.1:${redis.port}`, PORT: String(port) };
  const [web, worker] = [startProcess('web', env, onClose), startProcess('worker', env, onClose)];
  for (const process of [web, worker]) await process.logged('Redis can not be used');
  await withAdmin(redis, (client) => client.acl('SETUSER', 'poor', '~*', '&*', '+@all', '-@admin', '-@dangerous'));
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  t.is((await login(url, newUser())).returnCode, 0);
  // This user may not call INFO; everything else works.
  const { findings } = await runDoctor(env);
  t.deepEqual(
    findings.filter(({ state }) => state === 'fault'),
    [],
  );
  t.true(findings.some(({ cause }) => cause === 'redis_no_info'));
});

test('a Redis with as many clients as it takes is named', async (t) => {
  const redis = await startTestRedis({ onClose: t.teardown.bind(t), args: ['--maxclients', '3'] });
  const clients = Array.from({ length: 3 }, () => new Redis(redis.url, { maxRetriesPerRequest: null }));
  t.teardown(() => clients.forEach((client) => client.disconnect()));
  for (const client of clients) client.on('error', () => undefined);
  await Promise.all(clients.map((client) => client.ping()));
  const { findings } = await runDoctor({ ...stack.env, REDIS_URL: redis.url });
  const found = findings.find(({ check }) => check === 'redis.reachable');
  t.is(found?.cause, 'redis_max_clients', JSON.stringify(found));
  t.regex(found?.remedy ?? '', /config set maxclients/);
});
