import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import test, { type ExecutionContext } from 'ava';
import { rootDir } from '../support/built.ts';
import { writeLastRun } from '../../shared/retention/queue.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { namesInDashboards, namesInRules } from '../support/monitored-series.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { findMetricFaults, runPromtool } from '../support/promtool.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { storeSessions } from '../support/stored-sessions.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const redis = new Redis(stack.env['REDIS_URL'] as string);
redis.on('error', () => undefined);
onClose(async () => redis.disconnect());

interface Web extends TestProcess {
  readonly url: string;
}

async function startWeb(t: ExecutionContext): Promise<Web> {
  const web = startProcess('web', stack.env, t.teardown);
  await web.logged('web listens');
  const url = `http://127.0.0.1:${/"port":(\d+)/.exec(web.log.join('\n'))?.[1]}`;
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  return { ...web, url };
}

async function startWorker(t: ExecutionContext, env: Record<string, string> = {}): Promise<TestProcess> {
  const worker = startProcess('worker', { ...stack.env, ...env }, t.teardown);
  await worker.logged('worker takes jobs');
  return worker;
}

/** A front end gives the same answer to all who ask within a second; no scraper comes more often. */
const shortestIntervalMs = 1010;
const lastScrapes = new Map<string, number>();

async function scrape(url: string): Promise<string> {
  const sinceMs = performance.now() - (lastScrapes.get(url) ?? Number.NEGATIVE_INFINITY);
  if (sinceMs < shortestIntervalMs) await sleep(shortestIntervalMs - sinceMs);
  const text = await (await fetch(`${url}/metrics`)).text();
  lastScrapes.set(url, performance.now());
  return text;
}

/** The sum of all series of this name whose labels have this in them. */
const sumOf = (exposition: string, name: string, labels = '') =>
  exposition
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);

const checksOf = (exposition: string) =>
  sumOf(exposition, 'wafer_requests_total', 'interface="qcloud.cam.auth",code="60012"');
const timesOf = (exposition: string) => sumOf(exposition, 'wafer_request_seconds_count', 'qcloud.cam.auth');
const loginsOf = (exposition: string) => sumOf(exposition, 'wafer_jobs_total', 'call="login",code="0"');

async function check(url: string, count: number): Promise<void> {
  const para = { id: 'a'.repeat(32), skey: 'b'.repeat(32) };
  for (let sent = 0; sent < count; sent++) await call(url, 'qcloud.cam.auth', para);
}

test.beforeEach(async () => {
  await redis.flushall();
});

test.serial('counters of front ends never fall: one is killed, one ends in order, others come', async (t) => {
  await startWorker(t);
  const [kept, killed] = [await startWeb(t), await startWeb(t)];
  await check(kept.url, 7);
  // An answer is a second old at most; until then it may be that of before, never less.
  const untilShown = async (web: Web, expected: number) => {
    let last = 0;
    await until(`${expected} are shown`, async () => {
      const text = await scrape(web.url);
      const shown = checksOf(text);
      t.is(timesOf(text), shown);
      t.true(last <= shown && shown <= expected, `${shown} after ${last}`);
      last = shown;
      return shown === expected;
    });
  };
  // Who is asked publishes what it has; the others do it every five seconds.
  await untilShown(kept, 7);
  await check(killed.url, 11);
  await untilShown(killed, 18);
  killed.kill('SIGKILL');
  await killed.exited;
  await untilShown(kept, 18);
  const next = await startWeb(t);
  await check(next.url, 5);
  await untilShown(next, 23);
  await untilShown(kept, 23);
  await check(next.url, 3);
  // What nobody has asked for is published at the end.
  next.kill('SIGTERM');
  t.is(await next.exited, 0);
  await untilShown(kept, 26);
});

test.serial('one that was silent for long is counted once, and once only when it comes back', async (t) => {
  await startWorker(t);
  const [kept, paused] = [await startWeb(t), await startWeb(t)];
  await check(paused.url, 11);
  await until('they are shown', async () => checksOf(await scrape(paused.url)) === 11);
  paused.kill('SIGSTOP');
  const groups = await redis.keys('wafer:{metrics}:group:web:*');
  const names = await redis.zrange(groups[0] ?? '', '0', '-1');
  const name = names.find((each) => each.includes(`-${paused.pid}-`)) ?? '';
  await redis.zincrby(groups[0] ?? '', -700_000, name);
  await until('it counts as ended', async () => (await redis.exists(`wafer:{metrics}:ended:${name}`)) === 1);
  await until('it is counted once', async () => checksOf(await scrape(kept.url)) === 11);
  paused.kill('SIGCONT');
  await check(paused.url, 2);
  await until('both show what came since', async () => {
    const shown = [checksOf(await scrape(paused.url)), checksOf(await scrape(kept.url))];
    t.true(
      shown.every((count) => count <= 13),
      String(shown),
    );
    return shown.every((count) => count === 13);
  });
});

test.serial('every front end shows the workers too, and what ended ones counted', async (t) => {
  const [first, second] = [await startWorker(t), await startWorker(t)];
  const [one, other] = [await startWeb(t), await startWeb(t)];
  for (let count = 0; count < 12; count++) t.is((await login(one.url, newUser())).returnCode, 0);
  await until('all log-ins are shown', async () => loginsOf(await scrape(one.url)) === 12);
  await until('the other shows them', async () => loginsOf(await scrape(other.url)) === 12);
  const shown = await scrape(one.url);
  t.is(sumOf(shown, 'wafer_app_logins_total', `app="${testAppid}",result="ok"`), 12);
  for (const stage of ['admitted', 'queued', 'wechat', 'mysql', 'reply'])
    t.is(sumOf(shown, 'wafer_login_stage_seconds_count', `stage="${stage}"`), 12, stage);
  first.kill('SIGKILL');
  await first.exited;
  t.is(loginsOf(await scrape(one.url)), 12);
  second.kill('SIGTERM');
  await second.exited;
  await until('answers of before are over', async () => loginsOf(await scrape(other.url)) === 12);
  await until('all calls of WeChat are shown', async () =>
    /^wafer_wechat_seconds_count\{api="code2session"\} 12$/m.test(await scrape(one.url)),
  );
});

test.serial('log-ins and checks are counted by app and by whose doing their end is', async (t) => {
  const worker = await startWorker(t);
  const web = await startWeb(t);
  const { returnData } = await login(web.url, newUser());
  const { id, skey } = returnData as { id: string; skey: string };
  for (let count = 0; count < 3; count++) await call(web.url, 'qcloud.cam.auth', { id, skey });
  const headers = { 'X-WX-Id': id, 'X-WX-Skey': skey };
  t.is((await fetch(`${web.url}/forward-auth`, { headers })).status, 200);
  await check(web.url, 2);
  await call(web.url, 'qcloud.cam.id_skey', { code: 'bad~1' });
  await call(web.url, 'qcloud.cam.id_skey', { code: 'net~1' });
  const text = await scrape(web.url);
  const counted = (name: string) =>
    ['ok', 'refused', 'failed'].map((result) => sumOf(text, name, `app="${testAppid}",result="${result}"`));
  t.deepEqual(counted('wafer_app_logins_total'), [1, 1, 1]);
  t.deepEqual(counted('wafer_app_checks_total'), [4, 2, 0]);
  worker.kill('SIGTERM');
  await worker.exited;
});

test.serial('live sessions are counted while they are few, and else estimated', async (t) => {
  const { database } = stack;
  await database.query('delete from cSessionInfo');
  const big = 'wxffffffffffffffff';
  await database.query('insert into cAppinfo (appid, secret, is_default) values (?, ?, 0)', [big, '']);
  await database.query('update cAppinfo set is_default = 1 where appid = ?', [testAppid]);
  t.teardown(() => database.query('delete from cAppinfo where appid = ?', [big]));
  const now = nowSeconds();
  const sessions = (count: number, appid: string | null, idleDays: number) => {
    const time = now - idleDays * 86_400;
    return Array.from({ length: count }, () => ({ appid, createTime: time, lastVisitTime: time }));
  };
  await storeSessions(database, [
    ...sessions(3, testAppid, 1),
    ...sessions(2, null, 1),
    ...sessions(4, testAppid, 31),
    ...sessions(2000, big, 1),
    ...sessions(2000, big, 31),
  ]);
  await database.query('analyze table cSessionInfo');
  await startWorker(t);
  const web = await startWeb(t);
  let text = '';
  await until('they are shown', async () => (text = await scrape(web.url)).includes('\nwafer_app_sessions_live{'));
  t.is(sumOf(text, 'wafer_app_sessions_live', testAppid), 5);
  const estimated = sumOf(text, 'wafer_app_sessions_live', big);
  t.true(estimated > 1000 && estimated < 3500, String(estimated));
});

/** They begin with what happens: the first answer of a kind, an endpoint for events. */
const later = /^wafer_(user_data|events?)_/;

test.serial('every series that a rule or a dashboard names is in a scrape', async (t) => {
  await writeLastRun(redis, { endedAt: Date.now(), tookMs: 1, removed: {} });
  await startWorker(t, { SESSION_RETENTION_DAYS: '30' });
  const web = await startWeb(t);
  let text = '';
  for (const needed of ['wafer_retention_last_run_age_seconds ', 'wafer_app_sessions_live{', 'wafer_queue_jobs{'])
    await until(`${needed} is there`, async () => (text = await scrape(web.url)).includes(`\n${needed}`));
  const named = [...namesInRules(), ...namesInDashboards()];
  t.true(named.length > 40, String(named.length));
  const isThere = (name: string) =>
    later.test(name) ? text.includes(`# HELP ${name} `) : new RegExp(`^${name}[{ ]`, 'm').test(text);
  t.deepEqual(
    [...new Set(named)].filter((name) => !isThere(name)),
    [],
  );
});

test.serial('the series that matter are there from the start, with 0', async (t) => {
  await startWorker(t);
  const web = await startWeb(t);
  await until('the worker has published', async () => (await scrape(web.url)).includes('wafer_jobs_total'));
  await until('the queues are read', async () => (await scrape(web.url)).includes('wafer_queue_jobs{'));
  const text = await scrape(web.url);
  for (const series of [
    'wafer_requests_total{interface="qcloud.cam.id_skey",code="1006"} 0',
    'wafer_requests_total{interface="qcloud.cam.auth",code="60012"} 0',
    'wafer_calls_refused_total{queue="login",reason="overloaded"} 0',
    'wafer_refused_requests_total{reason="client_not_allowed"} 0',
    'wafer_session_lookups_total{result="confirmed"} 0',
    'wafer_jobs_total{call="login",code="dropped"} 0',
    'wafer_wechat_calls_total{api="code2session",result="wechat_timeout"} 0',
    'wafer_wechat_alert{errcode="40125"} 0',
    'wafer_login_stage_seconds_count{stage="admitted"} 0',
    'wafer_login_stage_seconds_count{stage="mysql"} 0',
    'wafer_queue_oldest_seconds{queue="login"} 0',
    'wafer_queue_jobs{queue="session",state="active"} 0',
    'wafer_jobs_stalled_total{queue="login"} 0',
    'wafer_wechat_breaker{api="code2session"} 0',
    `wafer_app_logins_total{app="${testAppid}",result="failed"} 0`,
    'wafer_database_waiting{role="web"} 0',
    'wafer_database_connections_limit{role="worker"} 10',
  ])
    t.true(text.includes(`${series}\n`), series);
  t.regex(text, /^wafer_build_info\{role="worker",version="\d+\.\d+\.\d+",node="[\d.]+"\} 1$/m);
  const faults = await findMetricFaults(text);
  if (faults === undefined) return t.log('promtool is not there: not checked');
  t.is(faults, '');
  for (const args of [
    ['check', 'config', 'prometheus.yml'],
    ['check', 'config', 'prometheus.compose.yml'],
    ['test', 'rules', 'wafer-session.rules.test.yml'],
  ])
    t.is(await runPromtool(args, { cwd: join(rootDir, 'deploy/prometheus') }), '', args.join(' '));
  return undefined;
});

const metric = (fields: object) => ({
  name: 'wafer_forged_total',
  help: 'h',
  type: 'counter',
  aggregator: 'sum',
  values: [{ value: 1, labels: {} }],
  ...fields,
});
const label = (name: string) => ({ values: [{ value: 1, labels: { [name]: 'x' } }] });
const forgedSnapshots = [
  '',
  'no JSON',
  '{}',
  'null',
  '7',
  '[null]',
  JSON.stringify([metric({ values: null })]),
  JSON.stringify([metric({ values: {} })]),
  JSON.stringify([metric({ values: [null] })]),
  JSON.stringify([metric({ values: [{ value: '1', labels: {} }] })]),
  JSON.stringify([metric({ values: [{ value: 1, labels: null }] })]),
  JSON.stringify([metric({ values: [{ value: 1, labels: { a: { b: 1 } } }] })]),
  JSON.stringify([metric({ values: [{ value: 1, labels: {}, metricName: 'x 1\nwafer_forged' }] })]),
  JSON.stringify([metric({ values: [{ value: 1, labels: {}, metricName: 'wafer_jobs_total' }] })]),
  JSON.stringify([metric({ aggregator: 'unknown' })]),
  JSON.stringify([metric({ aggregator: 'constructor' })]),
  JSON.stringify([metric({ type: 'else' })]),
  JSON.stringify([metric({ help: 7 })]),
  JSON.stringify([metric({ name: 'wafer_forged 1\nwafer_forged' })]),
  JSON.stringify([metric(label('a="x"} 1\nwafer_forged{b'))]),
  JSON.stringify([metric(label(''))]),
  JSON.stringify([metric(label('__name__'))]),
  `[${'['.repeat(1000)}${']'.repeat(1000)}]`,
];

test.serial('nonsense in Redis neither fails nor changes what is shown, and is removed', async (t) => {
  await startWorker(t);
  const web = await startWeb(t);
  t.is((await login(web.url, newUser())).returnCode, 0);
  await until('the worker is shown', async () => loginsOf(await scrape(web.url)) === 1);
  const group = (await redis.keys('wafer:{metrics}:group:web:*'))[0] as string;
  const kept = group.replace(':group:', ':kept:');
  for (const [index, text] of forgedSnapshots.entries()) {
    await redis.set(`wafer:{metrics}:of:forged-${index}`, text);
    await redis.zadd(index % 2 === 0 ? group : 'wafer:{metrics}:group:worker', Date.now(), `forged-${index}`);
  }
  await redis.lpush('wafer:{metrics}:of:list', 'x');
  await redis.zadd(group, Date.now(), 'list');
  for (const text of ['{}', 'no JSON', JSON.stringify([metric({ values: null })])]) {
    await redis.hset(kept, 'version', 'x', 'sum', text);
    await redis.hset('wafer:{metrics}:kept:worker', 'sum', text);
    const shown = await scrape(web.url);
    t.is(loginsOf(shown), 1, shown.slice(0, 300));
    t.false(shown.includes('forged'));
  }
  await redis.del(kept);
  await redis.set(kept, 'x');
  t.is(loginsOf(await scrape(web.url)), 1);
  t.deepEqual(await redis.keys('wafer:{metrics}:of:forged-*'), []);
  t.is(await redis.exists('wafer:{metrics}:of:list', kept), 0);
  t.false((await redis.zrange(group, '0', '-1')).some((name) => name.startsWith('forged')));
  t.false(web.log.some((line) => line.includes('bug')));
});

test.serial('while Redis is away a front end among others shows no counters', async (t) => {
  await startWorker(t);
  const [one, other] = [await startWeb(t), await startWeb(t)];
  await check(one.url, 4);
  await until('one shows them', async () => checksOf(await scrape(one.url)) === 4);
  await until('the other shows them', async () => checksOf(await scrape(other.url)) === 4);
  // The last of these tests.
  await stack.redis?.stop();
  await until('no counters are shown', async () => !/^wafer_requests_total/m.test(await scrape(one.url)));
  t.regex(await scrape(one.url), /^wafer_visits_pending \d/m);
});
