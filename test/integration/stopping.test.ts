import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { rootDir } from '../support/built.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll, type OnClose } from '../support/closing.ts';
import { whileLoaded } from '../support/load.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { trace } from '../support/traces.ts';
import { until } from '../support/until.ts';

type Role = 'web' | 'worker';

const onClose = closeAfterAll(test);
/** Redis, database, simulated WeChat and one of each process, beside which those of the tests come and go. */
const stack = await startStack({ onClose });
/** Signals what a supervisor knows: the pid that it got when it started the command. */
interface Started {
  readonly pid: number;
  readonly log: () => string;
  readonly exited: Promise<unknown>;
  /** Every process of it that is left, by /proc. */
  readonly left: () => Promise<number[]>;
}

let startedCount = 0;

function start(command: readonly string[], env: Record<string, string>, onClose: OnClose): Started {
  const mark = `wafer-stopping-${process.pid}-${++startedCount}`;
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd: rootDir,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...stack.env, LOG_LEVEL: 'info', ...env, MARK: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      trace('stopping', chunk);
      text += chunk;
    });
  const left = async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const environments = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')),
    );
    return pids.filter((_, index) => environments[index]?.includes(`MARK=${mark}\0`)).map(Number);
  };
  onClose(async () => {
    for (const pid of await left()) process.kill(pid, 'SIGKILL');
  });
  return { pid: child.pid as number, log: () => text, exited: once(child, 'exit'), left };
}

/** The command of a unit, with `%i` replaced. */
async function readUnit(role: Role, instance: string): Promise<string[]> {
  const unit = await readFile(join(rootDir, 'deploy', 'systemd', `wafer-session-${role}@.service`), 'utf8');
  return (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').replaceAll('%i', instance).split(' ');
}

/** What runs in the container: that of the service, else that of the image. */
async function readContainerCommand(role: Role): Promise<string[]> {
  const { services } = parse(await readFile(join(rootDir, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<Role, { command?: string[] }>;
  };
  const image = /^CMD (.*)$/m.exec(await readFile(join(rootDir, 'Dockerfile'), 'utf8'))?.[1] ?? '[]';
  return services[role].command ?? (JSON.parse(image) as string[]);
}

const ways: readonly [title: string, command: (role: Role, port: string) => Promise<string[]> | string[]][] = [
  ['npm run', (role) => ['npm', 'run', role]],
  ['npm with bash as its shell', (role) => ['npm', 'run', '--script-shell=/bin/bash', role]],
  ['a systemd unit', (role, port) => readUnit(role, port)],
  ['the command of the container', (role) => readContainerCommand(role)],
];

for (const [title, commandOf] of ways) {
  test.serial(`${title}: SIGTERM ends web in order, fails no request, leaves nothing`, async (t) => {
    const port = String(await findFreePort());
    const url = `http://127.0.0.1:${port}`;
    const web = start(await commandOf('web', port), { PORT: port }, t.teardown);
    await until('it listens', () =>
      fetch(`${url}/livez`).then(
        () => true,
        () => false,
      ),
    );
    await untilReady(url);
    const { returnData: session } = await login(url, newUser());
    const agent = new Agent({ keepAlive: true });
    t.teardown(async () => agent.destroy());
    const ask = () => askOver(agent, url, session);
    const { failures, successes } = await whileLoaded([ask, ask, ask], async () => {
      process.kill(web.pid, 'SIGTERM');
      await web.exited;
    });
    t.deepEqual(failures, []);
    t.true(successes > 0);
    await assertEnded(t, web);
  });

  test.serial(`${title}: SIGTERM ends a worker in order, fails no log-in, leaves nothing`, async (t) => {
    const worker = start(await commandOf('worker', '0'), { WORKER_HEALTH_PORT: '' }, t.teardown);
    await until('it takes jobs', () => worker.log().includes('worker takes jobs'));
    const logIn = async () => {
      const { returnCode, text } = await login(stack.urls[0], newUser());
      return returnCode === 0 ? undefined : text;
    };
    const { failures, successes } = await whileLoaded([logIn, logIn, logIn], async () => {
      process.kill(worker.pid, 'SIGTERM');
      await worker.exited;
    });
    t.deepEqual(failures, []);
    t.true(successes > 0);
    await assertEnded(t, worker);
  });
}

/**
 * An auth check over a connection of the agent. One that could not be opened asked nothing: a balancer goes elsewhere then.
 * @returns the answer unless it is a success
 */
function askOver(agent: Agent, url: string, para: unknown): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve(text.startsWith('{"returnCode":0,') ? undefined : text));
      response.once('error', reject);
    });
    sent.once('error', (error) => {
      if (sent.reusedSocket) reject(error);
      else setTimeout(() => resolve(undefined), 20);
    });
    sent.end(JSON.stringify({ interface: { interfaceName: 'qcloud.cam.auth', para } }));
  });
}

async function assertEnded(t: ExecutionContext, { left, log }: Started): Promise<void> {
  t.deepEqual(await left(), []);
  const lines = log()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  t.regex(lines.at(-1) ?? '', /"msg":"stopped"/);
}

test('the systemd units are well formed', async (t) => {
  const folder = join(rootDir, 'deploy', 'systemd');
  const units = (await readdir(folder)).map((name) => join(folder, name));
  t.is(units.length, 4);
  if (existsSync('/usr/bin/systemd-analyze')) {
    const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', ...units]);
    t.is(stderr, '');
  } else t.log('not asked: systemd-analyze is not here');
  for (const unit of units) {
    const text = await readFile(unit, 'utf8');
    const hasKeys = /-(?:worker|console)\b/.test(unit);
    t.is(text.includes('UnsetEnvironment=WAFER_KEYS'), !hasKeys);
    t.regex(text, /^ExecStart=\/usr\/bin\/\S+ /m);
  }
});
