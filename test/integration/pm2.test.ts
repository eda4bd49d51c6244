import { randomBytes } from 'node:crypto';
import { readFile, rename, truncate } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';

import { findFreePort, isPortFree } from '../../apps/local/servers/ports.ts';
import { workerFlags } from '../../apps/local/worker-flags.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { authOver, whileLoaded } from '../support/load.ts';
import { createInstalledFolder, findPortsInARow } from '../support/pm2-site.ts';
import { createPm2, type Pm2 } from '../support/pm2.ts';
import { startStack } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
/** Redis, database and simulated WeChat; the processes are those of pm2. */
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const port = await findFreePort();
const url = `http://127.0.0.1:${port}`;
const site = await createInstalledFolder(onClose);
/** They stand in .env, as the documents have it; the shell has none. */
const consolePort = await findFreePort();
const settings = {
  ...stack.env,
  PORT: String(port),
  CONSOLE_PORT: String(consolePort),
  LOG_LEVEL: 'info',
  WEB_PROCESSES: '2',
  WORKER_PROCESSES: '2',
};
await site.writeEnv(settings);
const pm2: Pm2 = await createPm2({ env: {}, cwd: site.path, onClose });
const failureOf = ({ returnCode, text }: { returnCode: number; text: string }) => (returnCode === 0 ? undefined : text);

test.serial('pm2 start runs front ends, workers and a console, and returns when all are ready', async (t) => {
  await pm2.run('start', 'ecosystem.config.js');
  for (let round = 0; round < 4; round++) t.is((await fetch(`${url}/readyz`)).status, 200);
  const webs = await pm2.list('web');
  t.deepEqual(
    webs.map(({ status, mode }) => [status, mode]),
    [
      ['online', 'cluster_mode'],
      ['online', 'cluster_mode'],
    ],
  );
  const workers = await pm2.list('worker');
  t.deepEqual(
    workers.map(({ status, mode }) => [status, mode]),
    [
      ['online', 'fork_mode'],
      ['online', 'fork_mode'],
    ],
  );
  for (const { nodeFlags } of workers) t.deepEqual(nodeFlags, ['--enable-source-maps', ...workerFlags]);
  t.deepEqual(
    (await pm2.list('console')).map(({ status, mode }) => [status, mode]),
    [['online', 'fork_mode']],
  );
  t.is((await fetch(`http://127.0.0.1:${consolePort}/readyz`)).status, 200);
});

test.serial('a log-in and a check are answered', async (t) => {
  const answer = await login(url, newUser());
  t.is(answer.returnMessage, 'NEW_SESSION_SUCCESS');
  for (let round = 0; round < 4; round++) {
    t.is((await auth(url, answer.returnData)).returnMessage, 'AUTH_SUCCESS');
  }
});

test.serial('the logs of every process are in the files of pm2', async (t) => {
  for (const name of ['web', 'worker']) {
    const pids = (await pm2.list(name)).map(({ pid }) => pid);
    await until(`${name} has logged`, () => pids.every((pid) => pm2.readLog(name).includes(`"pid":${pid},`)), 2000);
  }
  t.pass();
});

test.serial('a log that logrotate copies and empties, or renames, goes on at its beginning', async (t) => {
  const file = join(pm2.home, 'logs', 'worker-out.log');
  const logIn = async () => {
    const requestId = randomBytes(6).toString('hex');
    const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.id_skey', para: { code: newUser() } } });
    await fetch(`${url}/mina_auth/`, { method: 'POST', headers: { 'x-request-id': requestId }, body });
    await until('it is in the file', async () => (await readFile(file, 'utf8').catch(() => '')).includes(requestId));
    return readFile(file, 'utf8');
  };
  await logIn();
  await truncate(file);
  t.true((await logIn()).startsWith('{'));
  await rename(file, `${file}.1`);
  await pm2.run('reloadLogs');
  t.true((await logIn()).startsWith('{'));
});

test.serial('pm2 scale adds and removes workers, and no log-in fails meanwhile', async (t) => {
  const logIn = async () => {
    const failure = failureOf(await login(url, newUser()));
    await sleep(10);
    return failure;
  };
  const { failures, successes } = await whileLoaded([logIn, logIn, logIn], async () => {
    await pm2.run('scale', 'worker', '3');
    const up = await pm2.list('worker');
    t.deepEqual(
      up.map(({ status }) => status),
      ['online', 'online', 'online'],
    );
    await pm2.run('scale', 'worker', '1');
    const down = await pm2.list('worker');
    t.deepEqual(
      down.map(({ status }) => status),
      ['online'],
    );
  });
  t.deepEqual(failures, []);
  t.true(successes > 20, `${successes} log-ins`);
});

test.serial('the autoscaler of pm2 brings the workers within its limits, up and down', async (t) => {
  const countOnline = async () => (await pm2.list('worker')).filter(({ status }) => status === 'online').length;
  await site.writeEnv({ ...settings, WORKERS_MAX: '3' });
  await pm2.run('start', 'ecosystem.config.js', '--only', 'autoscaler');
  await until('there is one more', async () => (await countOnline()) === 2);
  await pm2.run('scale', 'worker', '4');
  await until('there is one fewer', async () => (await countOnline()) === 3);
  const steps = pm2.readLog('autoscaler').match(/"why":"[^"]+"/g);
  t.deepEqual(steps, ['"why":"at least 2 are wanted"', '"why":"at most 3 are wanted"']);
  await pm2.run('delete', 'autoscaler');
  t.is((await login(url, newUser())).returnCode, 0);
});

test.serial('pm2 reload replaces the front ends, and no request fails meanwhile', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const before = await pm2.list('web');
  const agent = new Agent({ keepAlive: true });
  t.teardown(async () => agent.destroy());
  const busy = () => authOver(agent, url, session);
  const idle = async () => {
    await sleep(40);
    return authOver(agent, url, session);
  };
  const onNewConnections = async () => {
    await sleep(2);
    return authOver(false, url, session);
  };
  const { failures, successes } = await whileLoaded([busy, busy, idle, idle, onNewConnections], () =>
    pm2.run('reload', 'web'),
  );
  t.deepEqual(failures, []);
  t.true(successes > 100, `${successes} checks`);
  const after = await pm2.list('web');
  t.deepEqual(
    after.map(({ status }) => status),
    ['online', 'online'],
  );
  t.false(after.some(({ pid }) => before.some((old) => old.pid === pid)));
});

test.serial('a reload of the ecosystem file brings the variables of a changed .env', async (t) => {
  await pm2.run('scale', 'worker', '2');
  const healthPort = await findPortsInARow(20);
  const secret = randomBytes(32).toString('base64');
  const providerSecret = randomBytes(24).toString('hex');
  const provider = {
    CONSOLE_OIDC_ISSUER: 'https://id.example.com',
    CONSOLE_OIDC_CLIENT_ID: 'wafer',
    CONSOLE_OIDC_CLIENT_SECRET: providerSecret,
    CONSOLE_OIDC_ROLES: '*=viewer',
  };
  noteSecret('client secret of the console', providerSecret);
  await site.writeEnv({ ...settings, WORKER_HEALTH_PORT: String(healthPort), WAFER_KEYS: `1:${secret}`, ...provider });
  await pm2.run('reload', 'ecosystem.config.js');
  /** Which numbers the two have depends on how often workers were made more and fewer before. */
  const isOpen = async ({ pid }: { readonly pid: number }) => {
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const [, number] = /(?:^|\0)NODE_APP_INSTANCE=(\d+)/.exec(environ) ?? [];
    const asked = fetch(`http://127.0.0.1:${healthPort + Number(number)}/livez`);
    return (await asked.catch(() => undefined))?.status === 200;
  };
  await until('both workers answer', async () => {
    const workers = await pm2.list('worker');
    return workers.length === 2 && (await Promise.all(workers.map(isOpen))).every(Boolean);
  });
  const hasKey = async (name: string, key = secret) =>
    Promise.all(
      (await pm2.list(name)).map(async ({ pid }) => (await readFile(`/proc/${pid}/environ`, 'utf8')).includes(key)),
    );
  t.deepEqual(await hasKey('worker'), [true, true]);
  t.deepEqual(await hasKey('web'), [false, false]);
  t.deepEqual(await hasKey('console'), [true]);
  for (const name of ['worker', 'web']) t.deepEqual(await hasKey(name, providerSecret), [false, false], name);
  t.deepEqual(await hasKey('console', providerSecret), [true]);
  t.is((await login(url, newUser())).returnCode, 0);
  await pm2.run('scale', 'worker', '1');
});

test.serial('pm2 stop ends every process in order: each with exit status 0', async (t) => {
  const running = [...(await pm2.list('web')), ...(await pm2.list('worker'))];
  await pm2.run('stop', 'all');
  const processes = [...(await pm2.list('web')), ...(await pm2.list('worker'))];
  t.deepEqual(
    processes.map(({ name, status, exitCode }) => [name, status, exitCode]),
    [
      ['web', 'stopped', 0],
      ['web', 'stopped', 0],
      ['worker', 'stopped', 0],
    ],
  );
  t.true(await isPortFree(port, '127.0.0.1'));
  for (const { name, pid } of running) {
    const lines = pm2
      .readLog(name)
      .split('\n')
      .filter((line) => line.includes(`"pid":${pid},`));
    t.regex(lines.at(-1) ?? '', /"msg":"stopped"/, name);
  }
});
