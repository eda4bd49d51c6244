import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { runDoctor } from '../../support/doctor.ts';
import { startProcess, type TestProcess } from '../../support/processes.ts';
import { startStack, testAppid, testSecret, untilReady } from '../../support/stack.ts';
import { until } from '../../support/until.ts';
import { runCli } from './run-cli.ts';

const key = () => randomBytes(32).toString('base64');
const [one, two] = [`1:${key()}`, `2:${key()}`];

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const [url] = stack.urls;
const { query } = stack.database;
const wafer = (keys: string, args: string[], stdin = '') => runCli({ ...stack.env, WAFER_KEYS: keys }, args, { stdin });
const storedSecret = async () => (await query<{ secret: string }>('select secret from cAppinfo'))[0]?.secret ?? '';

/** In plain, as at the beginning. */
test.beforeEach(async () => {
  await query('update cAppinfo set secret = ?', [testSecret]);
  await query('delete from cSessionInfo');
});

async function startWorker(t: ExecutionContext, WAFER_KEYS = ''): Promise<TestProcess> {
  const worker = startProcess('worker', { ...stack.env, WAFER_KEYS }, async (close) =>
    t.teardown(async () => {
      // In order, so that the next test sees its own alone.
      worker.kill('SIGCONT');
      worker.kill('SIGTERM');
      await worker.exited;
      await close();
    }),
  );
  await worker.logged('worker takes jobs');
  return worker;
}

const degraded = async () => ((await (await fetch(`${url}/readyz`)).json()) as { degraded: string[] }).degraded;
const causesOf = async (keys: string) =>
  (await runDoctor({ ...stack.env, WAFER_KEYS: keys })).findings.flatMap(({ state, cause }) =>
    state === 'fault' && cause !== undefined ? [cause] : [],
  );

test.serial('keys rotate changes nothing while a worker lacks the key, and names it', async (t) => {
  const [lacking] = await Promise.all([startWorker(t), startWorker(t, one)]);
  await untilReady(url);
  const refused = await wafer(one, ['keys', 'rotate', '--json']);
  t.is(refused.status, 1);
  t.is(refused.json.error.code, 'worker_lacks_key', refused.stdout);
  t.regex(refused.stdout, new RegExp(`worker-[^ ]*-${lacking.pid}-[0-9a-f]+ does not have key 1`));
  t.regex(refused.stdout, /npx pm2 reload ecosystem\.config\.js/);
  t.is(await storedSecret(), testSecret);
  lacking.kill('SIGTERM');
  await lacking.exited;
  const done = await wafer(one, ['keys', 'rotate']);
  t.is(done.status, 0, done.stderr);
  t.regex(await storedSecret(), /^wafer:1:/);
  t.is((await login(url, newUser())).returnCode, 0);
});

test.serial('keys rotate refuses when a worker has another key under the number', async (t) => {
  await startWorker(t, `1:${key()}`);
  const refused = await wafer(one, ['keys', 'rotate', '--json']);
  t.is(refused.json.error.code, 'worker_lacks_key');
  t.regex(refused.stdout, /has another key under the number 1/);
  t.is(await storedSecret(), testSecret);
});

test.serial('keys rotate refuses while a worker does not answer', async (t) => {
  const worker = await startWorker(t, one);
  worker.kill('SIGSTOP');
  const refused = await wafer(one, ['keys', 'rotate', '--json']);
  t.is(refused.json.error.code, 'worker_silent');
  t.regex(refused.stdout, new RegExp(`-${worker.pid}-`));
  t.is(await storedSecret(), testSecret);
});

test.serial('keys plain refuses while a worker would go on encrypting', async (t) => {
  await startWorker(t, one);
  t.is((await wafer(one, ['keys', 'rotate'])).status, 0);
  const refused = await wafer(`plain,${one}`, ['keys', 'plain', '--json']);
  t.is(refused.json.error.code, 'worker_encrypts', refused.stdout);
  t.regex(await storedSecret(), /^wafer:1:/);
});

test.serial('a worker that loses its key while it serves is told by log, readiness and doctor', async (t) => {
  const worker = await startWorker(t);
  await untilReady(url);
  t.deepEqual(await degraded(), []);
  // By a command that could not know of it: on a copy of the database, or of another version.
  t.is((await wafer(one, ['app', 'set', testAppid], testSecret)).status, 0);
  await worker.logged('nobody can log in to these apps here');
  await until('readiness tells it', async () => (await degraded()).includes('keys'));
  t.is((await fetch(`${url}/readyz`)).status, 200);
  t.deepEqual(await causesOf(one), ['worker_lacks_key']);
  await query('update cAppinfo set secret = ?', [testSecret]);
  await until('it is over', async () => (await degraded()).length === 0);
});

test.serial('a worker that waits for its key is told as that, and not as absent', async (t) => {
  t.is((await wafer(one, ['app', 'set', testAppid], testSecret)).status, 0);
  const worker = startProcess('worker', { ...stack.env, WAFER_KEYS: '' }, t.teardown);
  await worker.logged('no jobs are taken');
  await until('readiness tells it', async () => (await degraded()).includes('keys'));
  const { findings } = await runDoctor({ ...stack.env, WAFER_KEYS: one });
  const faults = findings.filter(({ state }) => state === 'fault');
  t.deepEqual(
    faults.map(({ cause }) => cause),
    ['worker_lacks_key'],
  );
  t.regex(faults[0]?.found ?? '', new RegExp(`-${worker.pid}-.*takes no jobs`));
  t.regex(faults[0]?.remedy ?? '', /pm2 reload ecosystem\.config\.js/);
});

test.serial('two workers with different keys under one number are a fault', async (t) => {
  await Promise.all([startWorker(t, one), startWorker(t, `1:${key()}`)]);
  t.true((await causesOf(one)).includes('keys_differ'));
});

test.serial('another key under a number that is in use is told by keys status and keys rotate', async (t) => {
  const worker = await startWorker(t, one);
  t.is((await login(url, newUser())).returnCode, 0);
  t.is((await wafer(one, ['keys', 'rotate'])).status, 0);
  worker.kill('SIGTERM');
  await worker.exited;
  const wrong = `1:${key()}`;
  const status = await wafer(wrong, ['keys', 'status']);
  t.is(status.status, 1);
  t.regex(status.stdout, new RegExp(`secrets of these apps do not open: ${testAppid}`));
  t.regex(status.stdout, /1 of 1 session_keys that were tried do not open/);
  const rotated = await wafer(wrong, ['keys', 'rotate', '--json']);
  t.is(rotated.status, 1);
  t.deepEqual(rotated.json.apps.unreadable, [testAppid]);
  t.is(rotated.json.sessions.unreadable, 1);
});

test.serial('users log in again after keys were lost, by the steps of production.md', async (t) => {
  const before = await startWorker(t, one);
  const user = newUser();
  t.is((await login(url, user)).returnCode, 0);
  t.is((await wafer(one, ['keys', 'rotate'])).status, 0);
  before.kill('SIGTERM');
  await before.exited;
  const refused = await wafer('', ['app', 'set', testAppid], testSecret);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /under a number that was not used before/);
  const after = startProcess('worker', { ...stack.env, WAFER_KEYS: two }, t.teardown);
  await after.logged('no jobs are taken');
  const set = await wafer(two, ['app', 'set', testAppid], testSecret);
  t.is(set.status, 0, set.stderr);
  await after.logged('worker takes jobs');
  const answer = await login(url, `${user}~2`);
  t.is(answer.returnCode, 0, answer.text);
  t.is((await wafer(two, ['keys', 'status'])).status, 0);
});
