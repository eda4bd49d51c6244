import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import test from 'ava';
import { runCliProcess } from '../apps/cli/run-cli.ts';
import { auth } from '../support/client.ts';
import { programArgs } from '../support/built.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { createPerson, readOwn, searchStores, type Person } from '../support/person.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const { database, env, urls } = stack;
await database.query("update cAppinfo set session_policy = 'multi', max_sessions = 3");
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

const erase = ({ openId }: Person): string[] => ['user', 'erase', '--open-id', openId, '--json'];

/** Runs the command and kills it so long after it has sent so many statements. @returns the signal, or null if it was done before */
async function killAt(person: Person, statement: number, delayMs: number): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [...programArgs('cli/main'), ...erase(person)], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: process.env['TMPDIR'] ?? '/tmp', ...env },
    stdio: 'ignore',
  });
  let sent = 0;
  const stopWatching = database.watchStatements(() => {
    if (++sent === statement) setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  stopWatching();
  return signal;
}

async function countPending(): Promise<number> {
  const [row] = await database.query<{ todo: number }>('select count(todo) as todo from cWaferErasure');
  return row?.todo ?? 0;
}

/** Two users with everything, and no worker any more that could help. */
async function createPeople(): Promise<{ person: Person; other: Person }> {
  const worker = await stack.addWorker();
  const person = await createPerson(urls, database);
  const other = await createPerson(urls, database);
  await worker.close();
  return { person, other };
}

test.serial('an erasure killed ten times at random and called again ends as one that was not', async (t) => {
  const { person: whole, other: measured } = await createPeople();
  const statements = await database.countStatements(async () => {
    t.is((await runCliProcess(env, erase(measured))).status, 0);
  });
  const { person, other } = await createPeople();
  const own = await readOwn(other, database, redis);
  const signals: (NodeJS.Signals | null)[] = [];
  const pending: number[] = [];
  for (let kill = 0; kill < 10; kill++) {
    const statement = 1 + Math.floor(Math.random() * statements.length);
    const delayMs = Math.floor(Math.random() * 20);
    const signal = await killAt(person, statement, delayMs);
    signals.push(signal);
    pending.push(await countPending());
    t.log(
      `statement ${statement} of ${statements.length}, ${delayMs} ms: ${signal ?? 'done'}, ${pending.at(-1)} pending`,
    );
  }
  t.true(signals.filter((signal) => signal === 'SIGKILL').length >= 5);
  const run = await runCliProcess(env, erase(person));
  t.is(run.status, 0, run.stdout);
  t.is((await runCliProcess(env, erase(whole))).status, 0);
  for (const each of [person, whole]) t.deepEqual(await searchStores(each, database, redis), { mysql: [], redis: [] });
  t.is(await countPending(), 0);
  for (const session of person.sessions) t.is((await auth(urls[0], session)).returnMessage, 'AUTH_FAIL');
  t.deepEqual(await readOwn(other, database, redis), own, 'another user has what was there before');
});

test.serial('an erasure killed at any of its statements is finished by a worker', async (t) => {
  const { person } = await createPeople();
  for (let statement = 2; (await countPending()) === 0; statement++) {
    t.is(await killAt(person, statement, 0), 'SIGKILL');
    t.true(statement < 100);
  }
  const worker = await stack.addWorker();
  t.teardown(() => worker.close());
  await until('the worker has finished it', async () => (await countPending()) === 0, 60_000);
  t.deepEqual(await searchStores(person, database, redis), { mysql: [], redis: [] });
});
