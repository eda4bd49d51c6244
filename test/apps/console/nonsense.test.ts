import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import type { ApiRoute } from '../../../apps/console/api/route.ts';
import { createNowReader } from '../../../shared/administration/now/now.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { createRedisClock } from '../../../shared/redis/clock.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole } from '../../support/console.ts';
import { openRedis } from '../../support/open-redis.ts';
import { monitorRedis } from '../../support/redis-monitor.ts';
import { storeSessions } from '../../support/stored-sessions.ts';

const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose, env: { WAFER_KEYS: `1:${randomBytes(32).toString('base64')}` } });
const redis = openRedis(site.redis.url);
onClose(() => redis.disconnect());
const admin = await site.signIn('admin');
await site.database.query("insert into cAppinfo (appid, secret) values ('wx0123456789abcdef', 'none')");
const times = { createTime: nowSeconds(), lastVisitTime: nowSeconds() };
await storeSessions(site.database, [{ appid: 'wx0123456789abcdef', ...times }]);

/** What a route is sent so that it does its work. */
const bodies: Readonly<Record<string, object>> = {
  signIn: { name: admin.name, password: 'wrong' },
  changeMyPassword: { old: 'wrong', new: 'wrong' },
  switchMyTotpOn: { code: '000000' },
  revokeUser: { openId: 'nobody' },
  eraseUser: { openId: 'nobody', dryRun: true },
};
/** The last two wait for answers of processes, and take seconds for it. */
const leftOut = new Set(['signOut', 'endMySignIn', 'removeApp', 'runDoctor', 'rotateKeys']);
const routes = apiRoutes.filter(({ operationId }) => !leftOut.has(operationId));

const clock = createRedisClock(redis);
onClose(async () => clock.close());
const database = openDatabase(
  readConfig({ DATABASE_URL: site.database.url, REDIS_URL: site.redis.url }).database.primary,
  { poolSize: 4 },
);
onClose(() => database.close());
const now = createNowReader({ sequelize: database, commands: redis, cacheRedis: redis, clock, loginQueues: 1 });

/** @returns its status */
async function ask({ method, path, stream, operationId, answer }: ApiRoute): Promise<number> {
  // The route shares one answer for two seconds.
  if (operationId === 'showNow') return answer.safeParse(await now.read()).success ? 200 : 500;
  const isSafe = method === 'GET';
  const url = `${site.url}/api/v1${path.replace(':appid', 'wx0123456789abcdef').replaceAll(/:\w+/g, '1')}`;
  const response = await fetch(url, {
    method,
    headers: {
      ...admin.headers,
      ...pageHeaders(site.url),
      ...(isSafe ? {} : { 'Content-Type': 'application/json' }),
      ...(operationId === 'revokeUser' ? { 'Idempotency-Key': operationId } : {}),
    },
    ...(isSafe ? {} : { body: JSON.stringify(bodies[operationId] ?? {}) }),
  });
  // Of a stream that it began is enough.
  if (stream === undefined) await response.text();
  else await response.body?.cancel();
  return response.status;
}

const only = (id: string) => routes.filter(({ operationId }) => operationId === id);
const keyShape = /^\{?wafer[:\w]/;

/** What somebody may write in the place of what is read, by the type of the key. */
const nonsense: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  text: (key) => redis.set(key, 'nonsense'),
  object: (key) => redis.set(key, JSON.stringify({ state: 'x', done: 'y', endedAt: 9e15, tookMs: 1, removed: {} })),
  number: (key) => redis.set(key, '-1e400'),
  list: (key) => redis.rpush(key, 'nonsense', '{'),
  hash: (key) =>
    redis.hset(key, { sum: '[', timestamp: 'x', data: 'x', opts: '{', progress: '[', next: 'x', pos: '-' }),
  set: (key) => redis.sadd(key, 'nonsense'),
  'sorted set': (key) => redis.zadd(key, '+inf', 'web-x-1-00000000', '-inf', 'worker-x-1-00000001', '1e300', 'x'),
  stream: (key) => redis.xadd(key, '*', 'nonsense', '{'),
};

/** Each route by the keys that it names to Redis. */
async function findReaders(): Promise<Map<string, ApiRoute[]>> {
  const readers = new Map<string, ApiRoute[]>();
  for (const route of routes) {
    const commands = await monitorRedis(site.redis.url, () => ask(route));
    const keys = new Set(commands.flatMap(({ args }) => args.filter((arg) => keyShape.test(arg))));
    for (const key of keys) readers.set(key, [...(readers.get(key) ?? []), route]);
  }
  return readers;
}

async function never500(t: ExecutionContext, asked: readonly ApiRoute[], what: string): Promise<void> {
  await Promise.all(asked.map(async (route) => t.not(await ask(route), 500, `${what}: ${route.method} ${route.path}`)));
}

test.serial('nonsense in any key that the console reads makes no route fail as a bug does', async (t) => {
  const readers = await findReaders();
  for (const known of [
    'wafer:{key-rotation}:state',
    'wafer:presence',
    'wafer:{metrics}:groups',
    '{wafer:retention}:last-run',
  ])
    t.true(readers.has(known), known);
  for (const [key, asked] of readers)
    for (const [type, write] of Object.entries(nonsense)) {
      const before = await redis.dumpBuffer(key);
      await redis.del(key);
      await write(key);
      // Whoever signs in or tries too often meets other answers, and none of them is of interest here.
      await never500(t, asked, `${key} as ${type}`);
      await redis.del(key);
      if (before !== null) await redis.restore(key, 0, before);
    }
  t.true(readers.size > 20, String(readers.size));
});

test.serial('forged figures and jobs make no route fail as a bug does, nor the board', async (t) => {
  const instance = 'web-forged-1-00000000';
  const atMs = Date.now();
  const metric = (name: string, type: string, ...values: object[]) => ({
    name,
    type,
    help: '',
    aggregator: 'sum',
    values,
  });
  const snapshots = [1e300, 1e15, -1e15, 9e15, 0.1].map((value) => [
    metric('process_start_time_seconds', 'gauge', { value, labels: {} }),
    metric('process_cpu_seconds_total', 'counter', { value, labels: {} }),
    metric('process_resident_memory_bytes', 'gauge', { value, labels: {} }),
    metric('wafer_calls_waiting', 'gauge', { value, labels: {} }),
    metric('wafer_logins_total', 'counter', { value, labels: { result: 'ok', app: '__proto__' } }),
    metric('wafer_wechat_calls_total', 'counter', { value, labels: { api: 'x', result: 'constructor' } }),
    metric('wafer_request_seconds', 'histogram', {
      value,
      labels: { interface: 'qcloud.cam.id_skey', le: '+Inf' },
      metricName: 'wafer_request_seconds_bucket',
    }),
  ]);
  await site.database.query("insert into cWaferSampled (name, at, counted) values ('forged', ?, ?)", [
    atMs - 20_000,
    JSON.stringify({ 'web:forged': { counts: {} } }),
  ]);
  await redis.zadd('wafer:presence', atMs, instance);
  await redis.zadd('wafer:{metrics}:groups', atMs, 'web:forged', '+inf', '__proto__');
  for (const snapshot of snapshots)
    for (const at of [String(atMs), '-inf', '+inf', '1e300', '-1e300']) {
      await redis.zadd('wafer:{metrics}:group:web:forged', at, instance);
      await redis.set(`wafer:{metrics}:of:${instance}`, JSON.stringify(snapshot));
      await never500(t, only('showNow'), `${JSON.stringify(snapshot[0])} ${at}`);
    }
  for (const [tag, list] of [
    ['{wafer:login:0}:login', 'wait'],
    ['{wafer:session:0}:session', 'wait'],
    ['{wafer:retention}:retention', 'active'],
  ] as const) {
    await redis.lpush(`${tag}:${list}`, 'forged');
    for (const write of Object.values(nonsense)) {
      await redis.del(`${tag}:forged`);
      await write(`${tag}:forged`);
      await never500(t, only('showQueues'), tag);
      for (const path of [
        'queues?activeQueue=retention&status=active',
        'queues?activeQueue=0%20login',
        'queues/retention/forged',
      ]) {
        const board = await fetch(`${site.url}/queues/board/api/${path}`, { headers: admin.headers });
        t.not(board.status, 500, `${path} ${await board.text()}`);
      }
    }
  }
});
