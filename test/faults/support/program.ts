import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { findFreePort } from '../../../apps/local/servers/ports.ts';
import type { OnClose } from '../../support/closing.ts';
import { until } from '../../support/until.ts';

type Role = 'web' | 'worker';

/** A built front end or worker as a process of its own, which can be killed and started again as by a supervisor. */
export interface Program {
  readonly role: Role;
  /** http://127.0.0.1:port: of a worker, its health server. The same after every start. */
  readonly url: string;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** SIGKILL, and resolves when it has ended. */
  die(): Promise<void>;
  /** SIGTERM; resolves with its exit status. */
  stop(): Promise<number | NodeJS.Signals>;
  /** The last lines of its log. */
  readonly log: readonly string[];
}

const startTimeoutMs = 60_000;
const keptLines = 100;

export interface ProgramOptions {
  readonly role: Role;
  /** Where the version lies that it runs: a folder with `dist` and `node_modules`. */
  readonly rootDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onClose: OnClose;
}

/** Not started yet. */
export async function createProgram({ role, rootDir, env, onClose }: ProgramOptions): Promise<Program> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const log: string[] = [];
  let running: { kill(signal: NodeJS.Signals): unknown; exited: Promise<number | NodeJS.Signals> } | undefined;

  const start = async () => {
    const child = spawn(process.execPath, [join(rootDir, `dist/apps/${role}/main.js`)], {
      cwd: rootDir,
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        LOG_LEVEL: 'warn',
        ...env,
        [role === 'web' ? 'PORT' : 'WORKER_HEALTH_PORT']: String(port),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.push(...text.split('\n').filter((line) => line !== ''));
        log.splice(0, Math.max(0, log.length - keptLines));
      });
    }
    const exited = once(child, 'exit').then(([status, signal]) => (status ?? signal) as number | NodeJS.Signals);
    let hasExited = false;
    const own = { kill: (signal: NodeJS.Signals) => child.kill(signal), exited };
    running = own;
    void exited.then(() => {
      hasExited = true;
      if (running === own) running = undefined;
    });
    const isReady = async () => {
      if (hasExited) throw new Error(`the ${role} ended at its start:\n${log.join('\n')}`);
      return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
    };
    await until(`the ${role} is ready`, isReady, startTimeoutMs);
  };
  const end = async (signal: NodeJS.Signals) => {
    const { exited = Promise.resolve(0) } = running ?? {};
    running?.kill(signal);
    return exited;
  };
  onClose(async () => void (await end('SIGKILL')));
  return {
    role,
    url,
    log,
    start,
    kill: (signal) => void running?.kill(signal),
    die: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}
