import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Queue } from 'bullmq';
import test from 'ava';
import { queueTag } from '../../../shared/rpc/contract.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { patience } from '../../support/machine-load.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { startScriptedWechat, startTestWechat } from '../../support/wechat.ts';
import { runCli, runCliProcess, type CliRun } from './run-cli.ts';
import { openRedis } from '../../support/open-redis.ts';

const onClose = closeAfterAll(test);
const wechat = await startTestWechat({ onClose, apps: new Map([[testAppid, testSecret]]) });
const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly found: string;
  readonly remedy?: string;
  readonly cause?: string;
}

async function runDoctor(env: Record<string, string> = {}): Promise<CliRun & { findings: Finding[] }> {
  const run = await runCli({ ...stack.env, ...env }, ['doctor', '--json']);
  return { ...run, findings: (run.json as { findings: Finding[] }).findings };
}

const faultsOf = (findings: readonly Finding[]) => findings.filter(({ state }) => state === 'fault');

test.serial('a healthy system has no fault', async (t) => {
  const { status, findings, json } = await runDoctor();
  t.deepEqual(faultsOf(findings), []);
  t.is(status, 0);
  t.true(json.healthy);
  const checks = new Set(findings.filter(({ state }) => state === 'ok').map(({ check }) => check));
  const expected = [
    'configuration',
    'redis.reachable',
    'redis.version',
    'redis.policy',
    'redis.clock',
    'database.reachable',
    'database.migrations',
    'database.schema',
    'database.time-zone',
    'database.clock',
    'apps',
    'wechat.reachable',
    `wechat.app ${testAppid}`,
    'processes.web',
    'processes.worker',
    'queue',
  ];
  for (const check of expected) {
    t.true(checks.has(check), check);
  }
  t.deepEqual(await stack.database.query("select name from cWaferKey where name like 'doctor%'"), []);
  const asText = await runCli(stack.env, ['doctor']);
  t.is(asText.status, 0);
  t.regex(asText.stdout, /^0 faults, \d warnings?$/m);
});

test.serial('a queue that may evict is a fault; the remedy ends it', async (t) => {
  const redis = await startTestRedis({ onClose: t.teardown, args: ['--maxmemory-policy', 'allkeys-lru'] });
  const { status, findings } = await runDoctor({ REDIS_URL: redis.url });
  t.is(status, 1);
  const policy = findings.find(({ check }) => check === 'redis.policy');
  t.is(policy?.state, 'fault');
  t.regex(policy?.found ?? '', /allkeys-lru/);
  const command = /redis-cli -h 127\.0\.0\.1 -p (\d+) (config) (set) (maxmemory-policy) (noeviction)/.exec(
    policy?.remedy ?? '',
  );
  t.is(Number(command?.[1]), redis.port);
  // Nobody serves on this Redis.
  t.true(
    findings.some(
      ({ check, state, remedy }) =>
        check === 'processes.worker' && state === 'fault' && /npm run worker/.test(remedy ?? ''),
    ),
  );
  const client = openRedis(redis.url);
  t.teardown(() => client.disconnect());
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  const repaired = await runDoctor({ REDIS_URL: redis.url });
  t.is(repaired.findings.find(({ check }) => check === 'redis.policy')?.state, 'ok');
});

test.serial('a cache of its own that does not evict is a warning', async (t) => {
  const redis = await startTestRedis({ onClose: t.teardown });
  const { status, findings } = await runDoctor({ REDIS_CACHE_URL: redis.url });
  t.is(status, 0);
  t.like(
    findings.find(({ check }) => check === 'redis-cache.memory'),
    { state: 'warning' },
  );
});

test.serial('a missing table and column are faults; the remedy brings them back', async (t) => {
  const database = await createTestDatabase({ onClose: t.teardown });
  const before = await runDoctor({ DATABASE_URL: database.url });
  t.is(before.status, 1);
  t.like(
    before.findings.find(({ check }) => check === 'database.migrations'),
    { state: 'fault', remedy: 'npm run migrate' },
  );
  await migrate({ databaseUrl: database.url });
  await database.query('drop table cWaferDropped');
  await database.query(
    'alter table cSessionInfo drop column union_id, modify column user_info varchar(2048) not null, drop key session_slot',
  );
  const { status, findings } = await runDoctor({ DATABASE_URL: database.url });
  t.is(status, 1);
  const schema = findings.find(({ check }) => check === 'database.schema');
  t.is(schema?.state, 'fault');
  t.is(
    schema?.found,
    'missing: width of cSessionInfo.user_info (2048 of 12000), column cSessionInfo.union_id, unique key cSessionInfo.session_slot, table cWaferDropped',
  );
  t.is(schema?.remedy, 'npm run migrate');
  await migrate({ databaseUrl: database.url });
  const repaired = await runDoctor({ DATABASE_URL: database.url });
  t.is(repaired.findings.find(({ check }) => check === 'database.schema')?.state, 'ok');
  // No app was added to it.
  t.regex(repaired.findings.find(({ check }) => check === 'apps')?.remedy ?? '', /npx wafer app set/);
});

test.serial('wrong secrets, unknown appids and refused addresses are faults of their own', async (t) => {
  const database = await createTestDatabase({ onClose: t.teardown });
  await migrate({ databaseUrl: database.url });
  const wrong = 'wrongwrongwrongwrongwrongwrongwr';
  for (const appid of [testAppid, 'wx9999999999999999']) {
    await database.query('insert into cAppinfo set appid = ?, secret = ?', [appid, wrong]);
  }
  const { status, stdout, stderr, findings } = await runDoctor({ DATABASE_URL: database.url });
  t.is(status, 1);
  t.false((stdout + stderr).includes(wrong));
  const ofApp = (appid: string) => findings.find(({ check }) => check === `wechat.app ${appid}`);
  t.regex(ofApp(testAppid)?.found ?? '', /40125/);
  t.true(ofApp(testAppid)?.remedy?.startsWith(`npx wafer app set ${testAppid}`));
  t.regex(ofApp('wx9999999999999999')?.found ?? '', /40013/);
  const refusal = {
    body: { errcode: 40_164, errmsg: 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist' },
  };
  const scripted = await startScriptedWechat({ onClose: t.teardown, answers: [refusal, refusal] });
  const refused = await runDoctor({ WECHAT_API_BASE: scripted.url });
  t.regex(
    refused.findings.find(({ check }) => check === `wechat.app ${testAppid}`)?.found ?? '',
    /203\.0\.113\.7 \(40164\)/,
  );
  t.is(scripted.requests.find(({ query }) => 'secret' in query)?.query['js_code'], 'wafer-doctor');
});

test.serial('jobs that nobody takes are a fault', async (t) => {
  const connection = openRedis(stack.env['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
  const queue = new Queue('login', { connection, prefix: queueTag('login', 1) });
  t.teardown(async () => {
    await queue.close();
    connection.disconnect();
  });
  // The worker of this stack serves one queue of log-ins.
  await queue.add('login', { calls: [] }, { timestamp: Date.now() - 20_000 });
  const { status, findings } = await runDoctor({ LOGIN_QUEUES: '2' });
  t.is(status, 1);
  const [stuck] = faultsOf(findings);
  t.is(stuck?.check, 'queue');
  t.regex(stuck?.found ?? '', /waited 2\d\.\d s in login 1/);
});

test.serial('every fault of the configuration is listed, and the rest is checked all the same', async (t) => {
  const { status, findings } = await runDoctor({ PORT: 'x', LOG_LEVEL: 'loud', REDIS_URL: '' });
  t.is(status, 1);
  t.deepEqual(
    faultsOf(findings).map(({ check, found }) => `${check}: ${found.split(' ')[0]}`),
    ['configuration: PORT', 'configuration: REDIS_URL', 'configuration: LOG_LEVEL'],
  );
  t.is(findings.find(({ check }) => check === 'database.schema')?.state, 'ok');
});

test.serial('silent servers are found within ten seconds', async (t) => {
  const sockets = new Set<Socket>();
  const hole = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    hole.close();
  });
  const address = `127.0.0.1:${(hole.address() as AddressInfo).port}`;
  const env = {
    ...stack.env,
    REDIS_URL: `redis://${address}`,
    REDIS_CACHE_URL: `redis://${address}/1`,
    DATABASE_URL: `mysql://user:pa55word@${address}/cAuth`,
    WECHAT_API_BASE: `http://${address}`,
  };
  const startedAt = performance.now();
  // The start of the process counts.
  const { status, json } = await runCliProcess(env, ['doctor', '--json']);
  const durationMs = performance.now() - startedAt;
  const { findings } = json as { findings: Finding[] };
  t.is(status, 1);
  t.true(durationMs < 10_000 * patience(), `${durationMs} ms`);
  t.false(findings.some(({ cause }) => cause === 'no_result'));
  const faults = faultsOf(findings);
  t.deepEqual(
    faults.map(({ check }) => check),
    ['redis.reachable', 'redis-cache.reachable', 'database.reachable', 'wechat.reachable'],
  );
  t.true(faults.every(({ remedy }) => remedy?.includes('Try: ')));
  t.notRegex(JSON.stringify(findings), /pa55word/);
});
