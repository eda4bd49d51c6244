import test from 'ava';
import { createUser, createUserData } from '../../apps/wechat-simulator/users.ts';
import { createLog } from '../../shared/log/log.ts';
import { createLoginFailureLog } from '../../shared/log/login-failures.ts';
import { fail } from '../../shared/protocol/outcome.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli } from '../apps/cli/run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const env = { ...stack.env, WECHAT_TIMEOUT_MS: '500', LOGIN_DEADLINE_MS: '2500' };
const worker = startProcess('worker', env, onClose);
const web = startProcess('web', env, onClose);
let url = '';
test.before(async () => {
  await Promise.all([worker.logged('worker takes jobs'), web.logged('web listens')]);
  url = `http://127.0.0.1:${/"port":(\d+)/.exec(web.log.join('\n'))?.[1]}`;
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
});

async function logIn(requestId: string, para: object, path = '/mina_auth/'): Promise<number> {
  const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.id_skey', para } });
  const response = await fetch(url + path, { method: 'POST', headers: { 'x-request-id': requestId }, body });
  return ((await response.json()) as { returnCode: number }).returnCode;
}

const linesOf = (log: readonly string[], requestId: string) =>
  log
    .filter((line) => line.includes(`"requestId":"${requestId}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const userData = (name: string) => createUserData(testAppid, name);
const failures: readonly [requestId: string, para: object, code: number, reason: string | undefined, level: number][] =
  [
    ['fail-bad', { code: 'bad-1' }, 40029, 'wechat:40029', 30],
    ['fail-net', { code: 'net-1' }, 1005, 'wechat_http_500', 40],
    ['fail-garbage', { code: 'garbage-1' }, 1007, undefined, 40],
    ['fail-limit', { code: 'limit-1' }, 40029, 'wechat:45011', 30],
    ['fail-slow', { code: 'slow1500-1' }, 1005, 'wechat_timeout', 40],
    ['fail-data', { ...userData('alice'), code: 'bob-1', iv: userData('alice').iv }, 60021, undefined, 30],
  ];

for (const [requestId, para, code, reason, level] of failures) {
  test.serial(`${requestId} is in the log of web and worker, without the user`, async (t) => {
    t.is(await logIn(requestId, para), code);
    await until(
      'both have told it',
      () => linesOf(web.log, requestId).length > 0 && linesOf(worker.log, requestId).length > 0,
    );
    const [ofWeb] = linesOf(web.log, requestId);
    const ofWorker = linesOf(worker.log, requestId).find(({ msg }) => msg === 'log-in failed');
    for (const line of [ofWeb, ofWorker]) {
      t.like(line, { level, msg: 'log-in failed', appid: testAppid, returnCode: code });
      if (reason !== undefined) t.is(line?.['reason'], reason);
      t.is(typeof line?.['ms'], 'number');
    }
    for (const stage of ['queueMs', 'wechatMs']) t.is(typeof ofWorker?.[stage], 'number', stage);
    t.is(ofWorker?.['web'], ofWeb?.['web']);
    t.regex(String(ofWeb?.['web']), new RegExp(`-${web.pid}-`));
    const text = [...web.log, ...worker.log].filter((line) => line.includes(requestId)).join('\n');
    t.false(text.includes((para as { code: string }).code));
  });
}

test.serial('a log-in that no worker gets is in the log of web', async (t) => {
  t.is(await logIn('fail-empty', { code: '' }), 40029);
  t.is(await logIn('fail-para', {}), 1003);
  await until('both are told', () => ['fail-empty', 'fail-para'].every((id) => linesOf(web.log, id).length === 1));
  t.like(linesOf(web.log, 'fail-empty')[0], { level: 30, reason: 'code_empty', appid: testAppid });
});

test.serial('a failed log-in names its caller', async (t) => {
  const { stdout } = await runCli(env, ['caller', 'add', 'shop']);
  const path = /\/k\/[\w-]+\/mina_auth\//.exec(stdout)?.[0];
  await until('the caller is known', async () => (await logIn('fail-caller', { code: 'bad-2' }, path)) === 40029);
  await until('it is told', () => linesOf(web.log, 'fail-caller').some(({ caller }) => caller === 'shop'));
  t.pass();
});

test.serial('a log-in tells row, front end and times, and neither open_id nor session id', async (t) => {
  const user = newUser();
  t.is(await logIn('good', { code: user }), 0);
  await until('the worker has told it', () => linesOf(worker.log, 'good').length > 0);
  const [line] = linesOf(worker.log, 'good');
  const { openid } = createUser(testAppid, user);
  const [stored] = await stack.database.query<{ id: number; uuid: string }>(
    'select id, uuid from cSessionInfo where open_id = ?',
    [openid],
  );
  t.like(line, { msg: 'log-in', level: 30, row: stored?.id, appid: testAppid, isNew: true });
  for (const name of ['queueMs', 'wechatMs', 'writeMs']) t.is(typeof line?.[name], 'number', name);
  const text = JSON.stringify(line);
  t.false(text.includes(openid) || text.includes(stored?.uuid ?? '') || text.includes(user));
});

/** What `wafer log-level` says. */
const order = async (...args: string[]) => (await runCli(env, ['log-level', ...args, '--json'])).json;
const changesOf = (log: readonly string[]) =>
  log.filter((line) => line.includes('log level changed')).map((line) => /"level":"(\w+)"/.exec(line)?.[1]);

test.serial('a log level counts in all processes, also in one that starts then, and ends', async (t) => {
  t.like(await order('error', '--for', '1h'), { level: 'error', silent: [] });
  const late = startProcess('worker', env, onClose);
  await late.logged('log level changed');
  t.is(await logIn('quiet', { code: newUser() }), 0);
  const told = await order('error', '--for', '1s');
  t.is(told.obeyed.length + told.silent.length >= 2, true);
  const logs = [web.log, worker.log, late.log];
  await until('all are as before', () => logs.every((log) => changesOf(log).at(-1) === 'trace'));
  t.is(await logIn('loud', { code: newUser() }), 0);
  await until('it is told', () => logs.some((log) => linesOf(log, 'loud').some(({ msg }) => msg === 'log-in')));
  t.deepEqual(
    logs.flatMap((log) => linesOf(log, 'quiet')),
    [],
  );
  t.deepEqual(await order(), { level: null });
  late.kill('SIGTERM');
  await late.exited;
  const recorded = await stack.database.query("select target from cWaferAudit where action = 'log-level'");
  t.deepEqual(recorded, [{ target: 'error' }, { target: 'error' }]);
});

test.serial('one check in so many has a line while that is ordered, and none else', async (t) => {
  const checks = () => web.log.filter((line) => line.includes('"msg":"check"'));
  const { returnData } = await login(url, newUser());
  const check = async (times: number) => {
    for (let time = 0; time < times; time++) t.is((await auth(url, returnData)).returnCode, 0);
  };
  await check(20);
  await order('info', '--checks', '1/10', '--for', '1m');
  await check(20);
  await until('they are told', () => checks().length === 2);
  for (const line of checks()) {
    t.like(JSON.parse(line), { returnCode: 0, appid: testAppid, isRemembered: true, every: 10 });
    t.false(line.includes(returnData.id) || line.includes(returnData.skey));
  }
  await order('usual');
  await check(20);
  await until('the change is told', () => changesOf(web.log).at(-1) === 'trace');
  t.is(checks().length, 2);
});

test.serial('an order that is not sealed is obeyed by nobody; an hour is the longest', async (t) => {
  const before = changesOf(web.log).length;
  const client = openRedis(stack.redis?.url);
  t.teardown(() => client.disconnect());
  const forged = { id: '0123456789abcdef', kind: 'log-level', order: Buffer.alloc(80).toString('base64') };
  t.true((await client.publish('wafer:control', JSON.stringify(forged))) >= 2);
  await client.set('wafer:log-level', forged.order);
  t.deepEqual(await order(), { level: null });
  // Behind the forged one, on the same channel.
  await order('usual');
  await until('the next one is obeyed', () => changesOf(web.log).length === before + 1);
  const tooLong = await runCli(env, ['log-level', 'debug', '--for', '2h']);
  t.is(tooLong.status, 2);
  t.regex(tooLong.stderr, /an hour at most/);
});

test('a flood of failures costs few lines, and one tells how many were left out', async (t) => {
  const folder = await createTemporaryFolder('flood');
  t.teardown(folder.remove);
  const file = join(folder.path, 'log');
  const failed = createLoginFailureLog(createLog('web', 'info', file));
  for (let count = 0; count < 5000; count++) failed(fail('sessionNotWritten', 'overloaded'), { requestId: 'x', ms: 1 });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  failed(fail('sessionNotWritten', 'overloaded'), { requestId: 'last', ms: 1 });
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  t.true(lines.length <= 151, `${lines.length} lines`);
  t.true((JSON.parse(lines.at(-1) ?? '') as { alsoFailed: number }).alsoFailed > 4000);
});
