import { randomBytes } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import test from 'ava';
import { queueTag } from '../../../shared/rpc/contract.ts';
import { auth, call, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { runCli } from './run-cli.ts';
import { openRedis } from '../../support/open-redis.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const wafer = (args: string[], options?: { stdin?: string }) => runCli(stack.env, args, options);

const otherApp = 'wx1111111111111111';
const otherSecret = 'ffffffffffffffffffffffffffffffff';

test.serial('app list shows durations and whether there is a secret, but never the secret', async (t) => {
  const asText = await wafer(['app', 'list']);
  t.is(asText.status, 0, asText.stderr);
  t.regex(asText.stdout, new RegExp(`${testAppid} +yes +set +30 days +2592000 s`));
  const asJson = await wafer(['app', 'list', '--json']);
  t.deepEqual(asJson.json, {
    apps: [
      {
        appid: testAppid,
        loginDurationDays: 30,
        kind: 'wechat',
        sessionDurationSeconds: 2_592_000,
        hasSecret: true,
        graceSeconds: 0,
        hasPreviousSecret: false,
        isMarkedDefault: false,
        maxSessions: 1,
        revokedBeforeUs: 0,
        isDefault: true,
      },
    ],
  });
  t.false((asText.stdout + asJson.stdout).includes(testSecret));
});

test.serial('a secret that app set reads counts in running processes at once', async (t) => {
  const { id, skey } = (await login(url, newUser())).returnData as { id: string; skey: string };
  const set = await wafer(['app', 'set', otherApp, '--login-duration', '7', '--json'], { stdin: `${otherSecret}\n` });
  t.is(set.status, 0, set.stderr);
  t.like(set.json, {
    appid: otherApp,
    created: true,
    loginDurationDays: 7,
    sessionDurationSeconds: 2_592_000,
    isDefault: false,
  });
  t.is(set.json.forgotten.obeyed.length, 2);
  t.false((set.stdout + set.stderr).includes(otherSecret));
  const code = newUser();
  t.is((await call(url, 'qcloud.cam.id_skey', { code, appid: otherApp })).returnMessage, 'NEW_SESSION_SUCCESS');
  t.is((await auth(url, { id, skey })).returnCode, 0);
  t.deepEqual(await stack.database.query('select secret, login_duration from cAppinfo where appid = ?', [otherApp]), [
    { secret: otherSecret, login_duration: 7 },
  ]);
});

test.serial('app set on a known app keeps the durations that were not given', async (t) => {
  const set = await wafer(['app', 'set', otherApp, '--session-duration', '3600', '--json'], { stdin: 'newsecret' });
  t.like(set.json, { created: false, loginDurationDays: 7, sessionDurationSeconds: 3600 });
});

test.serial('app remove counts in running processes at once', async (t) => {
  const removed = await wafer(['app', 'remove', otherApp]);
  t.is(removed.status, 0, removed.stderr);
  t.regex(removed.stdout, /It counts now \(2 running processes\)/);
  t.is((await login(url, newUser())).returnCode, 0);
  const again = await wafer(['app', 'remove', otherApp, '--json']);
  t.is(again.status, 1);
  t.is(again.json.error.code, 'app_unknown');
});

test.serial('without Redis app set still works and says when it counts', async (t) => {
  const { REDIS_URL: _, ...env } = stack.env;
  const set = await runCli(env, ['app', 'set', testAppid], { stdin: testSecret });
  t.is(set.status, 0, set.stderr);
  t.regex(set.stdout, /within 5 s/);
  t.regex(set.stdout, /REDIS_URL is missing/);
});

test.serial('an empty secret, an odd appid and one that differs in case only', async (t) => {
  const empty = await wafer(['app', 'set', otherApp], { stdin: ' \n' });
  t.is(empty.status, 1);
  t.regex(empty.stderr, /secret is empty/);
  const odd = await wafer(['app', 'set', 'a-test', '--json'], { stdin: otherSecret });
  t.is(odd.status, 0);
  t.regex(odd.json.warnings[0], /does not look like an appid/);
  const upper = await wafer(['app', 'set', 'A-TEST'], { stdin: otherSecret });
  t.is(upper.status, 1);
  t.regex(upper.stderr, /There is an app a-test/);
  t.is((await wafer(['app', 'remove', 'a-test'])).status, 0);
});

test.serial('cache clear empties the cache and reaches every process; no database is needed', async (t) => {
  await login(url, newUser());
  const { REDIS_URL = '' } = stack.env;
  const cleared = await runCli({ REDIS_URL }, ['cache', 'clear', '--json']);
  t.is(cleared.status, 0, cleared.stderr);
  t.true(cleared.json.removed >= 1);
  t.is(cleared.json.obeyed.length, 2);
  t.regex((await runCli({ REDIS_URL }, ['cache', 'clear'])).stdout, /^0 entries removed; 2 processes have forgotten/);
});

test.serial('cache clear names a live process that does not obey, and exits 1', async (t) => {
  const { REDIS_URL = '' } = stack.env;
  const client = openRedis(REDIS_URL);
  t.teardown(async () => {
    await client.zrem('wafer:presence', 'worker-hangs-1-00000000');
    client.disconnect();
  });
  await client.zadd('wafer:presence', Date.now(), 'worker-hangs-1-00000000');
  const cleared = await runCli({ REDIS_URL }, ['cache', 'clear', '--json']);
  t.is(cleared.status, 1);
  t.deepEqual(cleared.json.silent, ['worker-hangs-1-00000000']);
  t.is(cleared.json.obeyed.length, 2);
});

test.serial('queue show names queues, waiting visits and live processes', async (t) => {
  const session = (await login(url, newUser())).returnData as { id: string; skey: string };
  await auth(url, session);
  const { REDIS_URL = '' } = stack.env;
  const shown = await runCli({ REDIS_URL, LOGIN_QUEUES: '2' }, ['queue', 'show', '--json']);
  t.is(shown.status, 0, shown.stderr);
  const empty = { waiting: 0, active: 0, delayed: 0, failed: 0, oldestWaitingMs: null };
  t.deepEqual(shown.json.queues, [
    { queue: 'login', shard: 0, ...empty },
    { queue: 'login', shard: 1, ...empty },
    { queue: 'session', shard: 0, ...empty },
  ]);
  t.is(shown.json.instances.web.length, 1);
  t.is(shown.json.instances.worker.length, 1);
  t.regex((await runCli({ REDIS_URL }, ['queue', 'show'])).stdout, /login 0 +0 +0 +0/);
});

test.serial('queue drain removes what waits, queue retry gives back what failed', async (t) => {
  const { REDIS_URL = '' } = stack.env;
  const client = openRedis(REDIS_URL, { maxRetriesPerRequest: null });
  t.teardown(() => client.disconnect());
  // No worker serves this one.
  const place = { connection: client, prefix: queueTag('login', 1) };
  const queue = new Queue('login', place);
  const env = { ...stack.env, LOGIN_QUEUES: '2' };
  const run = async (...args: string[]) => (await runCli(env, ['queue', ...args, '--json'])).json.jobs;

  await queue.add('call', {});
  const failing = new Worker('login', () => Promise.reject(new Error('no')), place);
  failing.on('error', () => undefined);
  await until('it has failed', async () => (await queue.getFailedCount()) === 1);
  await failing.close();
  t.deepEqual(await run('retry', '--queue', 'login'), { 'login 0': 0, 'login 1': 1 });
  t.is(await queue.getWaitingCount(), 1);

  await queue.add('call', {});
  t.deepEqual(await run('drain', '--dry-run'), { 'login 0': 0, 'login 1': 2, 'session 0': 0 });
  t.is(await queue.getWaitingCount(), 2);
  t.deepEqual(await run('drain', '--queue', 'session'), { 'session 0': 0 });
  t.deepEqual(await run('drain', '--queue', 'login'), { 'login 0': 0, 'login 1': 2 });
  t.is(await queue.getWaitingCount(), 0);
  const recorded = await stack.database.query("select action from cWaferAudit where action like 'queue%' order by id");
  t.deepEqual(
    recorded,
    ['retry', 'drain', 'drain'].map((name) => ({ action: `queue ${name}` })),
  );
});

test.serial('app export has no secret in plain, and app import brings all of it elsewhere', async (t) => {
  const key = randomBytes(32).toString('base64');
  const env = { ...stack.env, WAFER_KEYS: `1:${key}` };
  const carried = await wafer(['app', 'export']);
  t.is(carried.status, 0, carried.stderr);
  t.regex(carried.stderr, new RegExp(`Without secret: ${testAppid}`));
  t.is(JSON.parse(carried.stdout).apps[0].secret, null);

  const sealed = await runCli(env, ['app', 'export']);
  t.false((sealed.stdout + carried.stdout).includes(testSecret));
  t.regex(JSON.parse(sealed.stdout).apps[0].secret, /^wafer:1:/);
  await wafer(['app', 'set', testAppid, '--login-duration', '3']);
  await wafer(['app', 'set', otherApp, '--grace', '9'], { stdin: otherSecret });
  await wafer(['app', 'remove', otherApp]);
  const file = { ...JSON.parse(sealed.stdout) };
  const imported = (args: string[], stdin: unknown, at: Record<string, string> = env) =>
    runCli(at, ['app', 'import', ...args, '--json'], { stdin: JSON.stringify(stdin) });

  const dry = await imported(['--dry-run'], file);
  t.like(dry.json, { dryRun: true, apps: [{ appid: testAppid, what: 'changed', hasSecret: true }] });
  t.deepEqual(await stack.database.query('select login_duration from cAppinfo'), [{ login_duration: 3 }]);
  t.is((await imported([], file, stack.env)).json.error.code, 'key_missing');
  t.is((await imported([], { ...file, more: 1 })).status, 2);
  const plain = { ...file, apps: [{ ...file.apps[0], secret: testSecret }] };
  const refused = await imported([], plain);
  t.regex(refused.stderr, /is not encrypted/);
  t.false((refused.stdout + refused.stderr).includes(testSecret));
  const unknown = {
    ...file,
    apps: [...file.apps, { ...file.apps[0], appid: otherApp, isDefault: false, secret: null }],
  };
  t.is((await imported([], unknown)).json.error.code, 'secret_missing');
  t.deepEqual(await stack.database.query('select login_duration from cAppinfo'), [{ login_duration: 3 }]);

  const done = await imported([], file);
  t.is(done.status, 0, done.stderr);
  t.like(done.json, { defaultAppid: testAppid });
  t.is(done.json.forgotten.obeyed.length, 2);
  // Plain again, as the workers of this test read it.
  const plainAgain = { ...stack.env, WAFER_KEYS: `plain,1:${key}` };
  t.is((await runCli(plainAgain, ['app', 'set', testAppid], { stdin: testSecret })).status, 0);
  t.deepEqual(JSON.parse((await wafer(['app', 'export'])).stdout), JSON.parse(carried.stdout));
});
