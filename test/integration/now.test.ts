import test from 'ava';
import { startSampler } from '../../apps/worker/samples/sampler.ts';
import { removeOldSamples, takeSample } from '../../apps/worker/samples/take-sample.ts';
import { createNowReader, type Now } from '../../shared/administration/now/now.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { createLog } from '../../shared/log/log.ts';
import { createFiguresReader, type GroupFigures } from '../../shared/metrics/read-figures.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const { database } = stack;
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());
const clock = createRedisClock(redis);
onClose(async () => clock.close());
const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 4 });
onClose(() => sequelize.close());
const stores = { sequelize, commands: redis, cacheRedis: redis, clock, loginQueues: 1 };

/** Of one worker, which has counted so many checks. */
const figuresOf = (checks: number, app = testAppid): GroupFigures[] => [
  {
    group: 'web:test',
    processes: [],
    kept: [
      {
        name: 'wafer_app_checks_total',
        help: 'x',
        type: 'counter',
        aggregator: 'sum',
        values: [{ value: checks, labels: { app, result: 'ok' } }],
      },
    ] as unknown as GroupFigures['kept'],
  },
];

interface Row {
  readonly appid: string;
  readonly at: string;
  readonly seconds: number;
  readonly checks_ok: number;
}
const readRows = () =>
  database.query<Row>(
    "select appid, date_format(at, '%H:%i') as at, seconds, checks_ok from cWaferSample order by cWaferSample.at, appid",
  );
/** A second after a full minute; 08:00 in UTC+8. */
const first = Date.UTC(2026, 0, 1, 0, 0, 1);
const minutesLater = (minutes: number) => first + minutes * 60_000;

test.beforeEach(async () => {
  await database.query('delete from cWaferSample');
  await database.query('delete from cWaferSampled');
});

test.serial('a minute that was left out is in the sample of the next one', async (t) => {
  t.true(await takeSample(sequelize, figuresOf(100), { web: 1 }, first));
  t.deepEqual(await readRows(), [], 'nobody knows since when the counters count');
  t.true(await takeSample(sequelize, figuresOf(130), { web: 1, workers: 2 }, minutesLater(1)));
  t.true(await takeSample(sequelize, figuresOf(150), {}, minutesLater(5)));
  t.deepEqual(await readRows(), [
    { appid: '', at: '08:00', seconds: 60, checks_ok: 30 },
    { appid: testAppid, at: '08:00', seconds: 60, checks_ok: 30 },
    { appid: '', at: '08:04', seconds: 240, checks_ok: 20 },
    { appid: testAppid, at: '08:04', seconds: 240, checks_ok: 20 },
  ]);
  const [row] = await database.query<{ more: string }>(
    "select more from cWaferSample where appid = '' order by at limit 1",
  );
  t.like(JSON.parse(row?.more ?? ''), { web: 1, workers: 2 });
});

test.serial('a minute has one sample, however many workers take it', async (t) => {
  await takeSample(sequelize, figuresOf(0), {}, first);
  const taken = await Promise.all(
    Array.from({ length: 8 }, () => takeSample(sequelize, figuresOf(7), {}, minutesLater(1))),
  );
  t.is(taken.filter(Boolean).length, 1);
  t.deepEqual(
    (await readRows()).map(({ checks_ok }) => checks_ok),
    [7, 7],
  );
});

test.serial('samples go on by the time of before after a clock was an hour ahead', async (t) => {
  await takeSample(sequelize, figuresOf(5), {}, minutesLater(60));
  t.true(await takeSample(sequelize, figuresOf(9), {}, minutesLater(0)));
  t.true(await takeSample(sequelize, figuresOf(12), {}, minutesLater(1)));
  t.deepEqual(
    (await readRows()).map(({ checks_ok }) => checks_ok),
    [3, 3],
  );
});

test.serial('samples older than the days they are kept for leave', async (t) => {
  await takeSample(sequelize, figuresOf(0), {}, first);
  for (let minute = 1; minute <= 4; minute++)
    await takeSample(sequelize, figuresOf(minute, `wx${minute}`), {}, minutesLater(minute));
  await removeOldSamples(sequelize, minutesLater(2) / 1000 - 1);
  t.deepEqual([...new Set((await readRows()).map(({ at }) => at))], ['08:02', '08:03']);
});

test.serial('of several samplers one takes the sample of a minute', async (t) => {
  await takeSample(sequelize, [], {}, first - 30_000);
  // A minute ends in a moment.
  const startedAt = performance.now();
  const nowMs = () => minutesLater(1) - 1100 + (performance.now() - startedAt);
  const ahead = { nowMs, latestNowMs: nowMs, sync: async () => undefined, close: () => undefined };
  const samplers = ['one', 'two', 'three'].map((instance) =>
    startSampler({ sequelize, commands: redis, clock: ahead, instance, days: 1, log: createLog('test', 'silent') }),
  );
  await until('there is a sample', async () => (await readRows()).length > 0);
  await Promise.all(samplers.map((sampler) => sampler.close()));
  t.is((await readRows()).length, 1);
  const keys = await redis.keys('wafer:{metrics}:sampled:*');
  t.is(keys.length, 1);
  t.true((await redis.pttl(keys[0] as string)) > 0);
});

let now: Now;
const reader = createNowReader(stores);

test.serial('who looks sees log-ins and checks of each app, and how long they took', async (t) => {
  await reader.read();
  const { returnData } = await login(url, newUser());
  for (let count = 0; count < 3; count++) await auth(url, returnData as { id: string; skey: string });
  await auth(url, { id: 'a'.repeat(32), skey: 'b'.repeat(32) });
  await call(url, 'qcloud.cam.id_skey', { code: 'bad~1' });
  const isSeen = async () => {
    now = await reader.read();
    const seen = (name: string) => now.loginTimes.find(({ stage }) => stage === name)?.count;
    return now.windowSeconds !== null && now.total.checks.okPerSecond > 0 && seen('reply') === 2 && seen('total') === 2;
  };
  await until('it is published, and there are nine seconds to tell of', isSeen, 30_000);
  const perWindow = (perSecond: number) => Math.round(perSecond * (now.windowSeconds as number));
  const [app] = now.apps;
  t.is(app?.appid, testAppid);
  t.deepEqual(
    [app?.logins, app?.checks].map(
      (rates) => rates && [rates.okPerSecond, rates.refusedPerSecond, rates.failedPerSecond].map(perWindow),
    ),
    [
      [1, 1, 0],
      [3, 1, 0],
    ],
  );
  t.is(now.total.checks.successShare, 1);
  const refused = now.wechat.find(({ result }) => result === '40029');
  t.like(refused, { api: 'code2session', count: 1, isFault: false });
  t.deepEqual(
    now.stores.map(({ name, isUp }) => [name, isUp]),
    [
      ['redis', true],
      ['redis_cache', true],
      ['mysql', true],
      ['mysql_writes', true],
    ],
  );
  t.deepEqual(
    now.processes.map(({ role }) => role),
    ['web', 'worker'],
  );
  t.true(
    now.processes.every(
      ({ memoryBytes, loopDelayMs, version }) => (memoryBytes ?? 0) > 0 && loopDelayMs !== null && version !== null,
    ),
  );
  t.deepEqual(
    now.queues.map(({ queue, waiting, oldestSeconds }) => [queue, waiting, oldestSeconds]),
    [
      ['login', 0, null],
      ['session', 0, null],
    ],
  );
  t.deepEqual(now.degraded, []);
});

test.serial('who looks for the first time is told of the time since the last sample', async (t) => {
  const nowMs = clock.nowMs();
  await database.query("insert into cWaferSampled values ('last', ?, '{}')", [Math.floor(nowMs - 30_000)]);
  const seen = await createNowReader(stores).read();
  t.true((seen.windowSeconds ?? 0) >= 30);
  t.is(seen.total.checks.okPerSecond, 0, 'of a group that was not there then nobody knows when it counted');
  // One that was taken this very moment: its minute counts.
  await database.query('update cWaferSampled set at = ?', [Math.floor(clock.nowMs())]);
  await database.query(
    "insert into cWaferSample (appid, at, seconds, checks_ok) values ('', now(), 60, 120), (?, now(), 60, 120)",
    [testAppid],
  );
  const next = await createNowReader(stores).read();
  t.true(Math.abs(next.total.checks.okPerSecond - 2) < 0.3, String(next.total.checks.okPerSecond));
});

test.serial('status shows the same in a terminal and as JSON', async (t) => {
  const figures = await createFiguresReader(redis, clock).read();
  await takeSample(sequelize, figures, {}, Math.floor(clock.nowMs()) - 20_000);
  await auth(url, { id: 'a'.repeat(32), skey: 'b'.repeat(32) });
  const isShown = async () => (await runCli(stack.env, ['status'])).stdout.includes(testAppid);
  await until('the check is published', isShown);
  const { stdout, status } = await runCli(stack.env, ['status']);
  t.is(status, 0, stdout);
  t.true(stdout.startsWith('All is well.\n'), stdout);
  t.regex(stdout, new RegExp(`^${testAppid} `, 'm'));
  t.regex(stdout, /\bmysql \S+ ms/);
  t.is((await runCli(stack.env, ['status', '--watch', '--json'])).status, 2);
  const { json } = await runCli(stack.env, ['status', '--json']);
  t.like(json, { degraded: [], processes: [{ role: 'web' }, { role: 'worker' }] });
});

test.serial('what is away is named first, with what to do', async (t) => {
  await database.query('delete from cAppinfo');
  database.cut();
  const cut = await reader.read();
  t.deepEqual(
    cut.degraded.map(({ code }) => code),
    ['mysql'],
  );
  const { stdout, status } = await runCli(stack.env, ['status']);
  t.is(status, 1);
  t.regex(stdout, /^FAULT {4}MySQL does not answer/);
  database.restore();
  await until('MySQL answers, and there is no app', async () => (await reader.read()).degraded[0]?.code === 'app');
  await stack.redis?.stop();
  const { degraded, processes, windowSeconds } = await reader.read();
  t.deepEqual(degraded.map(({ code }) => code).toSorted(), ['app', 'redis', 'redis_cache']);
  t.deepEqual([processes, windowSeconds], [[], null]);
});
