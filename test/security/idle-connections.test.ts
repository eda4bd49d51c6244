import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { authOver, whileLoaded } from '../support/load.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const connections = 10_000;
const bytesPerConnection = 40_000;
const program = fileURLToPath(new URL('../support/idle-connections.js', import.meta.url));
/** Node raises its own limit to this at its start. */
const mostFiles = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);

function openIdle(port: number): Promise<number> {
  const child = spawn(process.execPath, [program, String(port), String(connections)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onClose(async () => {
    child.stdin.end();
    await ended;
  });
  return once(child.stdout, 'data').then(([text]) => Number(text));
}

const residentBytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

const declare = mostFiles > connections + 500 ? test.serial : test.serial.skip;

declare(
  `${connections} idle connections: auth checks are answered, and memory is bounded (needs as many open files)`,
  async (t) => {
    const stack = await startStack({ onClose });
    const session = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
    const web = startProcess('web', { ...stack.env, HOST: '127.0.0.1' }, onClose);
    await web.logged('web listens');
    const { port } = JSON.parse(web.log.find((line) => line.includes('web listens')) as string) as { port: number };
    const url = `http://127.0.0.1:${port}`;
    await untilReady(url);
    const agent = new Agent({ keepAlive: true });
    onClose(async () => agent.destroy());
    const before = residentBytes(web.pid);
    // Over connections that are kept, and over new ones.
    const clients = [agent, false as const].map((each) => () => authOver(each, url, session));
    const { failures, successes } = await whileLoaded(clients, async () => {
      t.is(await openIdle(port), connections);
      // They are here as soon as the kernel has them, and taken one after the other.
      await until('they are taken', async () => openFiles(web.pid) > connections * 0.95);
      for (let index = 0; index < 100; index++) t.is(await authOver(false, url, session), undefined);
    });
    const grown = residentBytes(web.pid) - before;
    t.log(`${successes} checks answered, ${Math.round(grown / connections)} bytes per connection`);
    t.deepEqual(failures, []);
    t.true(grown < connections * bytesPerConnection, `${grown} bytes`);
  },
);
