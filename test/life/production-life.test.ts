import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { runCliProcess } from '../apps/cli/run-cli.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { whileLoaded } from '../support/load.ts';
import { createInstalledFolder, findPortsInARow } from '../support/pm2-site.ts';
import { createPm2, type Pm2 } from '../support/pm2.ts';
import { startStack } from '../support/stack.ts';
import { noteKeys } from '../support/traces.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
/** Redis, database and simulated WeChat; the processes are those of pm2. */
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const port = await findFreePort();
const url = `http://127.0.0.1:${port}`;
const firstHealthPort = await findPortsInARow(6);
const site = await createInstalledFolder(onClose);
/** All variables stand in .env, as the documents have it; the shell has none. */
const pm2: Pm2 = await createPm2({ env: {}, cwd: site.path, onClose });
const settings: Readonly<Record<string, string>> = {
  ...stack.env,
  PORT: String(port),
  CONSOLE_PORT: '0',
  LOG_LEVEL: 'info',
  WEB_PROCESSES: '2',
  WORKER_PROCESSES: '2',
  WORKER_HEALTH_PORT: String(firstHealthPort),
};
const key = () => randomBytes(32).toString('base64');
const [one, two] = [key(), key()];
noteKeys(`1:${one},2:${two}`);

const wafer = (keys: string, ...args: string[]) => runCliProcess({ ...settings, WAFER_KEYS: keys }, args);

/** Log-ins and checks go on meanwhile, and none of them fails. */
async function underLoad(t: ExecutionContext, work: () => Promise<unknown>): Promise<void> {
  const { returnData: session } = await login(url, newUser());
  const failureOf = ({ returnCode, text, reason }: { returnCode: number; text: string; reason: string | null }) =>
    returnCode === 0 ? undefined : `${text} ${reason}`;
  const logIn = async () => failureOf(await login(url, newUser()));
  const check = async () => failureOf(await auth(url, session));
  const { failures, successes } = await whileLoaded([logIn, check], work);
  t.deepEqual(failures, []);
  t.true(successes > 10, `${successes} requests`);
}

/** A variable of each process that runs, as it was given to it. */
async function readVariable(name: string, variable: string): Promise<string[]> {
  const pids = (await pm2.list(name)).filter(({ status }) => status === 'online').map(({ pid }) => pid);
  return Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      // In cluster mode pm2 gives all of them in one.
      const inOne = /(?:^|\0)pm2_env=([^\0]*)/.exec(environment)?.[1];
      if (inOne !== undefined) return (JSON.parse(inOne) as Record<string, string>)[variable] ?? '';
      return new RegExp(`(?:^|\0)${variable}=([^\0]*)`).exec(environment)?.[1] ?? '';
    }),
  );
}

/** Where workers answer monitoring, counted from the first port. */
async function listHealthPorts(): Promise<number[]> {
  const open = await Promise.all(
    Array.from({ length: 6 }, async (_, index) =>
      (await fetch(`http://127.0.0.1:${firstHealthPort + index}/livez`).catch(() => undefined))?.status === 200
        ? [index]
        : [],
    ),
  );
  return open.flat();
}

async function assertWorkers(t: ExecutionContext, count: number): Promise<void> {
  const workers = await pm2.list('worker');
  t.deepEqual(
    workers.map(({ status }) => status),
    Array.from({ length: count }, () => 'online'),
  );
  await until('each worker has a health port', async () => (await listHealthPorts()).length === count);
}

async function assertNoKeysInWeb(t: ExecutionContext): Promise<void> {
  for (const { pid } of await pm2.list('web')) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    t.false([one, two].some((secret) => environment.includes(secret)));
  }
}

const apply = (...more: string[]) => pm2.run('reload', 'ecosystem.config.js', ...more);

test.serial('pm2 start takes everything from .env', async (t) => {
  await site.writeEnv(settings);
  await pm2.run('start', 'ecosystem.config.js');
  await assertWorkers(t, 2);
  t.deepEqual(await listHealthPorts(), [0, 1]);
  t.is((await login(url, newUser())).returnCode, 0);
});

test.serial('a reload of the ecosystem file takes over every change of .env', async (t) => {
  await underLoad(t, async () => {
    await site.writeEnv({ ...settings, LOG_LEVEL: 'warn', WORKER_CONCURRENCY: '50', SESSION_MEMORY: '100' });
    await apply();
  });
  for (const role of ['web', 'worker']) t.deepEqual(await readVariable(role, 'LOG_LEVEL'), ['warn', 'warn'], role);
  t.deepEqual(await readVariable('worker', 'WORKER_CONCURRENCY'), ['50', '50']);
  t.deepEqual(await readVariable('web', 'SESSION_MEMORY'), ['100', '100']);
  await site.writeEnv(settings);
  await apply();
  t.deepEqual(await readVariable('worker', 'WORKER_CONCURRENCY'), ['', '']);
  t.deepEqual(await readVariable('web', 'SESSION_MEMORY'), ['', '']);
  await assertWorkers(t, 2);
});

test.serial('a .env without its database is refused, and what runs goes on', async (t) => {
  const { DATABASE_URL: _, ...without } = settings;
  await site.writeEnv(without);
  await t.throwsAsync(apply(), { message: /DATABASE_URL is neither in \.env nor in this shell/ });
  await site.writeEnv(settings);
  await assertWorkers(t, 2);
});

test.serial('the documented steps lead from no keys to keys, and to a new one', async (t) => {
  await underLoad(t, async () => {
    await site.writeEnv({ ...settings, WAFER_KEYS: `1:${one}` });
    await apply();
    const rotated = await wafer(`1:${one}`, 'keys', 'rotate');
    t.is(rotated.status, 0, rotated.stderr + rotated.stdout);
    for (const keys of [`1:${one},2:${two}`, `2:${two},1:${one}`]) {
      await site.writeEnv({ ...settings, WAFER_KEYS: keys });
      await apply('--only', 'worker');
    }
    await until(
      'all is encrypted with the new key',
      async () => (await wafer(`2:${two},1:${one}`, 'keys', 'rotate')).status === 0,
    );
    await site.writeEnv({ ...settings, WAFER_KEYS: `2:${two}` });
    await apply();
  });
  t.is((await wafer(`2:${two}`, 'keys', 'status')).status, 0);
  t.deepEqual(await readVariable('worker', 'WAFER_KEYS'), [`2:${two}`, `2:${two}`]);
  await assertNoKeysInWeb(t);
});

test.serial('each worker keeps its health port through scaling and reloads', async (t) => {
  await underLoad(t, async () => {
    await pm2.run('scale', 'worker', '4');
    await assertWorkers(t, 4);
    await pm2.run('scale', 'worker', '2');
    await assertWorkers(t, 2);
    await apply();
    await assertWorkers(t, 2);
    await pm2.run('reload', 'worker', '--update-env');
    await assertWorkers(t, 2);
    await pm2.run('restart', 'worker');
    await assertWorkers(t, 2);
    await pm2.run('scale', 'worker', '3');
    await assertWorkers(t, 3);
  });
});

test.serial('a version is upgraded and rolled back, and no request fails', async (t) => {
  await underLoad(t, async () => {
    for (const mark of ['second', 'first']) {
      await site.install(mark);
      await apply('--only', 'worker');
      await apply('--only', 'web');
      for (const { pid } of [...(await pm2.list('web')), ...(await pm2.list('worker'))])
        t.true((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(`wafer ${mark}`));
    }
  });
  await assertWorkers(t, 3);
});

test.serial('what pm2 save wrote comes back by resurrect', async (t) => {
  await pm2.run('save');
  // It holds the database's password and the keys. The documented remedy stays through the next save.
  const dump = join(pm2.home, 'dump.pm2');
  await chmod(dump, 0o600);
  await pm2.run('save');
  t.is((await stat(dump)).mode & 0o777, 0o600);
  await pm2.run('kill');
  await pm2.run('resurrect');
  await until('it is ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200);
  await assertWorkers(t, 3);
  t.deepEqual(
    await readVariable('worker', 'WAFER_KEYS'),
    Array.from({ length: 3 }, () => `2:${two}`),
  );
  await assertNoKeysInWeb(t);
  await underLoad(t, () => apply());
  await assertWorkers(t, 3);
});

test.serial('front ends never get the keys of the shell from which pm2 is started', async (t) => {
  await pm2.run('kill');
  await site.writeEnv(settings);
  const WAFER_KEYS = `2:${two}`;
  await pm2.runWith({ WAFER_KEYS }, 'start', 'ecosystem.config.js');
  t.deepEqual(await readVariable('worker', 'WAFER_KEYS'), [WAFER_KEYS, WAFER_KEYS]);
  await assertNoKeysInWeb(t);
  await pm2.runWith({ WAFER_KEYS }, 'reload', 'ecosystem.config.js');
  await assertNoKeysInWeb(t);
  t.is((await login(url, newUser())).returnCode, 0);
});
