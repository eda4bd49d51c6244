import test, { type ExecutionContext } from 'ava';
import { QueueEvents } from 'bullmq';
import type { FinishedRun } from '../../shared/retention/progress.ts';
import { openRetentionQueue, readLastRun, retentionPrefix, retentionQueue } from '../../shared/retention/queue.ts';
import { createVisitLog, encodeVisits } from '../../shared/session/visit-log.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { createConnection } from 'mysql2/promise';
import { auth, login, newUser } from '../support/client.ts';
import { forEach } from '../support/ended-sessions.ts';
import { openRedis } from '../support/open-redis.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { createRandom } from '../support/random.ts';
import { startStack, testAppid, type TestStack, type TestStackOptions } from '../support/stack.ts';
import { findAcceptedByOriginal, readRows, storeSessions, type StoredTimes } from '../support/stored-sessions.ts';
import { until } from '../support/until.ts';

const daySeconds = 86_400;
const days = 2;
const on = { SESSION_RETENTION_DAYS: String(days) };

async function startRetentionStack(t: ExecutionContext, options: Omit<TestStackOptions, 'onClose'> = {}) {
  t.timeout(600_000);
  const stack = await startStack({ onClose: t.teardown.bind(t), workers: 0, ...options });
  const redis = openRedis(stack.redis?.url);
  t.teardown(() => redis.disconnect());
  return { stack, redis, database: stack.database };
}

const wafer = (stack: TestStack, args: string[], env: Record<string, string> = on) =>
  runCli({ ...stack.env, ...env }, args);

/** Asks for a run and waits for its end. */
async function runNow(
  stack: TestStack,
  redis: ReturnType<typeof openRedis>,
  env: Record<string, string> = on,
): Promise<FinishedRun> {
  const before = (await readLastRun(redis))?.endedAt ?? 0;
  await wafer(stack, ['retention', 'run'], env);
  return untilRunAfter(redis, before);
}

async function untilRunAfter(redis: ReturnType<typeof openRedis>, before: number): Promise<FinishedRun> {
  let last: FinishedRun | undefined;
  await until('the run has ended', async () => ((last = await readLastRun(redis))?.endedAt ?? 0) > before, 120_000);
  return last as FinishedRun;
}

/** Half of just now, half of long ago, in random order. */
function mixedSessions(count: number, random: () => number): StoredTimes[] {
  const now = nowSeconds();
  return Array.from({ length: count }, () => {
    const time = random() < 0.5 ? now : now - 400 * daySeconds;
    return { createTime: time, lastVisitTime: time, appid: testAppid };
  });
}

const isOld = ({ createTime = 0 }: StoredTimes) => createTime < nowSeconds() - 100 * daySeconds;

test.serial('sessions that ended long ago leave, none that is accepted anywhere', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const [url] = stack.urls;
  // The default app of ours is the first one; the original takes the last one for every row.
  const apps = [
    { appid: testAppid, login: 3, session: 7200 },
    { appid: 'wx2222222222222222', login: 1, session: 600 },
    { appid: 'wx9999999999999999', login: 5, session: daySeconds },
  ] as const;
  const [ofDefault, , ofOriginal] = apps;
  const longest = { login: 30, session: 30 * daySeconds };
  await database.query('delete from cAppinfo');
  for (const { appid, login, session } of apps)
    await database.query(
      "insert into cAppinfo set appid = ?, secret = 's', login_duration = ?, session_duration = ?, is_default = ?",
      [appid, login, session, appid === testAppid ? 1 : 0],
    );
  await stack.addWorker();
  await wafer(stack, ['cache', 'clear']);
  const now = nowSeconds();
  const random = createRandom(1);
  const appids = [...apps.map(({ appid }) => appid), 'wxgone', 'WX2222222222222222', '', null];
  const times = Array.from({ length: 3000 }, (_, index): StoredTimes => {
    // Whole hours and some minutes: nothing comes to a limit while the test runs.
    const createdAgo = Math.floor(random() ** 2 * 45 * 24) * 3600 + 1800;
    const visitedAgo = Math.floor(random() * (createdAgo / 3600)) * 3600 + 1200;
    const appid = appids[index % appids.length] ?? null;
    return { appid, createTime: now - createdAgo, lastVisitTime: now - visitedAgo };
  });
  const zero = { appid: testAppid, createTime: undefined, lastVisitTime: undefined };
  const sessions = await storeSessions(database, [...times, zero]);

  const limitsOf = (appid: string | null) =>
    appid === null || appid === '' ? ofDefault : (apps.find((app) => app.appid === appid) ?? longest);
  const isOver = ({ createTime = 0, lastVisitTime = 0 }: StoredTimes, limits: { login: number; session: number }) =>
    Math.min(createTime + limits.login * daySeconds, lastVisitTime + limits.session) < now - days * daySeconds - 3600;
  const leaving = new Set(
    sessions
      .filter((session) => isOver(session, limitsOf(session.appid)) && isOver(session, ofOriginal))
      .map(({ row }) => row),
  );
  const byOriginal = await findAcceptedByOriginal(database, sessions, now);
  const byOurs = new Set<number>();
  await forEach(sessions, async ({ row, ...session }) => {
    if ((await auth(url, session)).returnCode === 0) byOurs.add(row);
  });
  t.true(
    byOriginal.size > 100 && byOurs.size > 100 && leaving.size > 500,
    `${byOriginal.size} ${byOurs.size} ${leaving.size}`,
  );
  t.deepEqual(
    [...leaving].filter((row) => byOriginal.has(row) || byOurs.has(row)),
    [],
  );

  await stack.addWorker(on);
  const { removed } = await runNow(stack, redis);
  t.is(removed.sessions, leaving.size);
  const left = await readRows(database);
  t.deepEqual(
    left,
    sessions.map(({ row }) => row).filter((row) => !leaving.has(row)),
  );
  t.deepEqual(
    [...byOriginal, ...byOurs].filter((row) => !left.includes(row)),
    [],
  );
  const check = (session: { readonly id: string; readonly skey: string }) => auth(url, session);
  const answers = await forEach(
    sessions.filter(({ row }) => byOurs.has(row)),
    check,
  );
  t.true(answers.every(({ returnCode }) => returnCode === 0));
  // Nothing of those that left is accepted from a cache, either.
  const refused = await forEach(
    sessions.filter(({ row }) => leaving.has(row)),
    check,
  );
  t.true(refused.every(({ returnCode }) => returnCode === 60012));
});

test.serial('a session with a visit on its way to MySQL stays, however old the visit before', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const now = nowSeconds();
  await database.query('update cAppinfo set login_duration = 3650, session_duration = 3600');
  const old = { appid: testAppid, createTime: now - 400 * daySeconds, lastVisitTime: now - 300 * daySeconds };
  const [visited] = await storeSessions(database, [old, old]);
  await createVisitLog(redis).add(encodeVisits([{ row: visited?.row ?? 0, time: now, base: old.lastVisitTime }]));
  await stack.addWorker(on);
  t.deepEqual((await runNow(stack, redis)).removed, { sessions: 1 });
  t.deepEqual(await readRows(database), [visited?.row]);
});

test.serial('a dry run says what the next run removes, and changes nothing', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const sessions = await storeSessions(database, mixedSessions(3000, createRandom(2)));
  await database.query(
    `insert into cWaferAudit (at, os_user, host, action, details) select now() - interval 400 day, 'u', 'h', 'app set', '{}'
     from cSessionInfo limit 700`,
  );
  await database.query(
    `insert into cWaferDropped (row_id, uuid, open_id, last_visit_time, kept_id, reason, dropped_at)
     values (1, 'u', 'o', now(), 2, 'r', now() - interval 400 day), (3, 'u', 'o', now(), 4, 'r', now())`,
  );
  const env = { ...on, AUDIT_RETENTION_DAYS: '365' };
  const checksum = () => database.query('checksum table cSessionInfo, cWaferAudit, cWaferDropped');
  /** But for beats, which come and go; a program that has just started has sent none yet. */
  const listKeys = async () => (await redis.keys('*')).filter((key) => !key.startsWith('wafer:beat')).toSorted();
  const before = [await checksum(), await listKeys()];
  const { json, stdout } = await wafer(stack, ['retention', 'run', '--dry-run', '--json'], env);
  t.deepEqual([await checksum(), await listKeys()], before, stdout);
  const old = sessions.filter(isOld);
  t.deepEqual(json, {
    dryRun: true,
    parts: [
      { part: 'sessions', rows: old.length, of: 3000, days },
      { part: 'audit', rows: 700, of: 700, days: 365 },
      { part: 'dropped', rows: 1, of: 2, days: 365 },
    ],
  });

  await stack.addWorker(env);
  t.deepEqual((await runNow(stack, redis, env)).removed, { sessions: old.length, audit: 700, dropped: 1 });
  t.is((await readRows(database)).length, 3000 - old.length);
  // The log says that it was cut, and what was removed.
  const entries = await database.query<{ action: string; target: string | null; details: string }>(
    'select action, target, details from cWaferAudit order by id',
  );
  t.deepEqual(
    entries.map(({ action, target }) => [action, target]),
    [
      ['retention', 'audit'],
      ['retention', null],
    ],
  );
  t.regex(entries[0]?.details ?? '', /^\{"cutBefore":"\d{4}-/);
  t.deepEqual(JSON.parse(entries[1]?.details ?? ''), { sessions: old.length, audit: 700, dropped: 1 });
});

test.serial('three workers that are all asked make one run, window by window', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const sessions = await storeSessions(database, mixedSessions(8000, createRandom(3)));
  await Promise.all([stack.addWorker(on), stack.addWorker(on), stack.addWorker(on)]);
  const events = new QueueEvents(retentionQueue, {
    connection: { url: stack.redis?.url ?? '' },
    prefix: retentionPrefix,
  });
  t.teardown(() => events.close());
  await events.waitUntilReady();
  const windows: number[] = [];
  events.on('progress', ({ data }) => void windows.push((data as { after: number }).after));
  let mostActive = 0;
  const queue = await openRetentionQueue(redis);
  // Two jobs, as when the daily one comes while one that was asked for runs.
  await queue.add('run', {}, { jobId: 'other' });
  const looking = setInterval(() => {
    void queue.getActiveCount().then((active) => (mostActive = Math.max(mostActive, active)));
  }, 5);
  t.teardown(() => clearInterval(looking));
  await runNow(stack, redis);
  await until('both jobs are done', async () => {
    const { active = 0, waiting = 0 } = await queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
  const left = await readRows(database);
  t.deepEqual(
    left,
    sessions.filter((session) => !isOld(session)).map(({ row }) => row),
  );
  t.is(mostActive, 1);
  // Each of the two runs goes through the table once, one after the other.
  const starts = windows.filter((after, index) => index > 0 && after <= (windows[index - 1] ?? 0));
  t.is(starts.length, 1, windows.join(' '));
});

test.serial('a run removes exactly the same though its worker is killed again and again', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const random = createRandom(4);
  const sessions = await storeSessions(database, mixedSessions(24_000, random));
  const onClose = t.teardown.bind(t);
  const workers = new Set<TestProcess>();
  const start = async () => {
    const worker = startProcess('worker', { ...stack.env, ...on }, onClose);
    await worker.logged('worker takes jobs');
    workers.add(worker);
  };
  await Promise.all([start(), start(), start()]);
  const queue = await openRetentionQueue(redis);
  await wafer(stack, ['retention', 'run']);
  const hasRun = (worker: TestProcess) => worker.log.some((line) => /"retention (begins|goes on)"/.test(line));
  /** How far the run is: what a killed worker had not told yet is done again. */
  const readProgress = async () => {
    const [job] = await queue.getJobs(['active'], 0, 0);
    return (job?.progress as { after?: number } | undefined)?.after ?? 0;
  };
  const kills = 2;
  for (let kill = 0; kill < kills; kill++) {
    const next = (await readProgress()) + 500 * (1 + Math.floor(random() * 8));
    await until('a worker has come so far', async () => [...workers].some(hasRun) && (await readProgress()) >= next);
    const running = [...workers].find(hasRun) as TestProcess;
    running.kill('SIGKILL');
    await running.exited;
    workers.delete(running);
    await start();
  }
  const { removed } = await untilRunAfter(redis, 0);
  t.deepEqual(
    await readRows(database),
    sessions.filter((session) => !isOld(session)).map(({ row }) => row),
  );
  // What a killed worker had removed and not told yet is missing in the count: one window for each.
  const expected = sessions.filter(isOld).length;
  t.true(
    (removed.sessions ?? 0) <= expected && (removed.sessions ?? 0) >= expected - 500 * kills,
    `${removed.sessions}`,
  );
  t.is([...workers].filter(hasRun).length, 1);
});

test.serial('an orderly stop hands the run to another worker at once', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const sessions = await storeSessions(database, mixedSessions(20_000, createRandom(5)));
  const first = await stack.addWorker(on);
  const queue = await openRetentionQueue(redis);
  await wafer(stack, ['retention', 'run']);
  await until('the run has begun', async () => ((await queue.getJobs(['active'], 0, 0))[0]?.progress ?? 0) !== 0);
  await first.close();
  t.deepEqual(await queue.getJobCounts('active', 'waiting', 'delayed', 'failed'), {
    active: 0,
    waiting: 1,
    delayed: 1,
    failed: 0,
  });
  await stack.addWorker(on);
  const expected = sessions.filter(isOld).length;
  t.deepEqual((await untilRunAfter(redis, 0)).removed, { sessions: expected });
  t.is((await readRows(database)).length, sessions.length - expected);
});

test.serial('what somebody writes into Redis makes no session leave before its time', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  const sessions = await storeSessions(database, mixedSessions(2000, createRandom(6)));
  const queue = await openRetentionQueue(redis);
  const progress = { nowSeconds: 4_000_000_000, startedAt: 0, part: 'sessions', after: 0, removed: {} };
  const job = await queue.add('run', {}, { jobId: 'asked' });
  await job.updateProgress(progress);
  const nonsense = await queue.add('run', {}, { jobId: 'other' });
  await nonsense.updateProgress({ part: 'cAppinfo', after: 'x' });
  await redis.set(`${retentionPrefix}:last-run`, '{"endedAt":"x"}');
  await stack.addWorker(on);
  await until('both are done', async () => {
    const { active = 0, waiting = 0 } = await queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
  t.deepEqual(
    await readRows(database),
    sessions.filter((session) => !isOld(session)).map(({ row }) => row),
  );
});

test.serial('nothing leaves by default, and what was scheduled before is not any more', async (t) => {
  const { stack, redis, database } = await startRetentionStack(t);
  await storeSessions(database, mixedSessions(100, createRandom(7)));
  const queue = await openRetentionQueue(redis);
  const scheduled = async () => (await queue.getJobSchedulers()).map(({ key, pattern, tz }) => ({ key, pattern, tz }));
  const daily = [{ key: 'daily', pattern: '0 0 4 * * *', tz: 'Asia/Shanghai' }];
  const first = await stack.addWorker(on);
  await until('it is scheduled', async () => (await scheduled()).length > 0);
  await stack.addWorker(on);
  t.deepEqual(await scheduled(), daily);
  await first.close();
  t.deepEqual(await scheduled(), daily);
  await stack.addWorker();
  await until('it is not scheduled', async () => (await scheduled()).length === 0);
  const { status, json } = await wafer(stack, ['retention', 'run', '--json'], {});
  t.is(status, 1);
  t.is(json.error.code, 'retention_off');
  t.is((await readRows(database)).length, 100);
});

test.serial('a user whose row leaves during the log-in is a new one with a valid session', async (t) => {
  const { stack, database } = await startRetentionStack(t, { workers: 1 });
  const [url] = stack.urls;
  const user = newUser();
  const before = (await login(url, `${user}~1`)).returnData as { id: string };
  const other = await createConnection(stack.database.adminUrl);
  t.teardown(() => other.end());
  await other.query(`use ${database.name}`);
  await other.query('start transaction');
  await other.query('delete from cSessionInfo');
  const answer = login(url, `${user}~2`);
  // It has seen the row, and waits to write it.
  await until('the log-in waits', async () =>
    (await database.query<{ Info: string | null }>('show full processlist')).some(({ Info }) =>
      Info?.startsWith('update cSessionInfo'),
    ),
  );
  await other.query('commit');
  const { returnMessage, returnData } = await answer;
  t.is(returnMessage, 'NEW_SESSION_SUCCESS');
  t.not(returnData.id, before.id);
  t.is((await auth(url, returnData)).returnCode, 0);
});
