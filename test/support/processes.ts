import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { programArgs, rootDir } from './built.ts';
import type { OnClose } from './closing.ts';
import { noteKeys, trace } from './traces.ts';

/** A program of ours as a process of its own, to be killed for real. */
export interface TestProcess {
  readonly pid: number;
  /** Lines of its log so far. */
  readonly log: readonly string[];
  kill(signal: NodeJS.Signals): void;
  /** Exit status, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Resolves when its log has a line with this text. */
  logged(text: string): Promise<void>;
}

const programs = {
  web: programArgs('web/main'),
  worker: programArgs('worker/main'),
  'wechat-simulator': programArgs('wechat-simulator/main'),
};

/** @param nodeFlags beside those that the program is always started with */
export function startProcess(
  role: keyof typeof programs,
  env: Record<string, string>,
  onClose: OnClose,
  nodeFlags: readonly string[] = [],
): TestProcess {
  noteKeys(env['WAFER_KEYS']);
  const child = spawn(process.execPath, [...nodeFlags, ...programs[role]], {
    cwd: rootDir,
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...env, LOG_LEVEL: 'trace' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      trace(role, text);
      log.push(...text.split('\n').filter((line) => line !== ''));
      for (const listener of listeners) listener();
    });
  }
  const exited = once(child, 'exit').then(([status, signal]) => (status ?? signal) as number | NodeJS.Signals);
  onClose(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    pid: child.pid as number,
    log,
    exited,
    kill: (signal) => void child.kill(signal),
    logged: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!log.some((line) => line.includes(text))) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void exited.then(() => reject(new Error(`the ${role} ended before it logged "${text}":\n${log.join('\n')}`)));
      }),
  };
}
