import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { toPlainLines } from '../../../shared/log/plain-text.ts';
import { findLivePid, writePidFile } from './process-identity.ts';

const pollIntervalMs = 50;
const defaultStopTimeoutMs = 20_000;
/** Nobody has written anything yet: databases that are still starting do not hear a SIGTERM. */
const unreadyStopTimeoutMs = 2000;

export interface ServerProcess {
  readonly pid: number;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Ends the server and waits for it, with SIGKILL at last. May be called twice. */
  readonly stop: () => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface ServerProcessOptions {
  name: string;
  binary: string;
  args: string[];
  /** Folder of this server alone, where its pid file lies. */
  dir: string;
  /** Default: the folder of the server. */
  cwd?: string;
  /** Default: the server's name and .log in its folder. */
  logFile?: string;
  /** Variables on top of those of this process. */
  env?: NodeJS.ProcessEnv;
  /** True once the server of that pid answers. */
  isReady(pid: number): Promise<boolean>;
  readyTimeoutMs: number;
  /** SIGTERM for data that matter, SIGKILL for data that are thrown away. */
  stopSignal: NodeJS.Signals;
  /** Default 20 seconds from the signal to SIGKILL. */
  stopTimeoutMs?: number;
  /** Gives up waiting for the server and ends it. */
  signal?: AbortSignal | undefined;
}

/** The process ended, or never answered, before it was ready; the message holds the end of its log. */
export class ServerStartError extends Error {
  override name = 'ServerStartError';
  readonly died: boolean;

  constructor(message: string, died: boolean) {
    super(message);
    this.died = died;
  }
}

/** Where the pid of the server of that folder is kept. */
export const pidFileIn = (dir: string) => join(dir, 'server-pid.json');

/**
 * Starts a server in a process group of its own, so that Ctrl-C in a terminal reaches only us, and waits until it answers.
 * Nothing is left running when that fails.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { name, binary, args, dir, signal, cwd = dir, stopTimeoutMs = defaultStopTimeoutMs } = options;
  signal?.throwIfAborted();
  const logFile = options.logFile ?? join(dir, `${name}.log`);
  for (const folder of [dir, dirname(logFile)]) mkdirSync(folder, { recursive: true });
  const log = openSync(logFile, 'a');
  const env = { ...process.env, ...options.env };
  const child = spawn(binary, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);

  let hasExited = false;
  const exited = new Promise<void>((resolve) => {
    const finish = () => {
      hasExited = true;
      resolve();
    };
    child.once('exit', finish);
    child.once('error', finish);
  });
  const { pid } = child;
  if (pid === undefined) throw new ServerStartError(`${name}: cannot run ${binary}`, false);
  writePidFile(pidFileIn(dir), pid);

  // The last resort when this process ends without having called stop.
  const killOnExit = () => child.kill(options.stopSignal);
  process.on('exit', killOnExit);
  void exited.then(() => {
    process.off('exit', killOnExit);
    rmSync(pidFileIn(dir), { force: true });
  });

  let isReady = false;
  const stop = async () => {
    if (!hasExited) child.kill(options.stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), isReady ? stopTimeoutMs : unreadyStopTimeoutMs);
    await exited;
    clearTimeout(timer);
  };

  const giveUpAt = Date.now() + options.readyTimeoutMs;
  while (!(await options.isReady(pid).catch(() => false))) {
    if (hasExited || signal?.aborted || Date.now() > giveUpAt) {
      const died = hasExited;
      await stop();
      signal?.throwIfAborted();
      const what = died ? 'ended at once' : `did not answer within ${options.readyTimeoutMs / 1000} s`;
      throw new ServerStartError(`${name} ${what}; the end of ${logFile}:\n${readTail(logFile)}`, died);
    }
    await sleep(pollIntervalMs);
  }
  isReady = true;
  return { pid, exited, stop, kill: (signal) => void child.kill(signal) };
}

/** Ends the server that an earlier, killed run left behind in that folder. True if there was one. */
export async function stopLeftOver(dir: string): Promise<boolean> {
  const pid = findLivePid(pidFileIn(dir));
  if (pid === undefined) return false;
  signalProcess(pid, 'SIGTERM');
  const killAt = Date.now() + defaultStopTimeoutMs;
  while (findLivePid(pidFileIn(dir)) !== undefined) {
    if (Date.now() > killAt) signalProcess(pid, 'SIGKILL');
    await sleep(pollIntervalMs);
  }
  rmSync(pidFileIn(dir), { force: true });
  return true;
}

/** A process that has just ended by itself is no error. */
function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The last lines of a text file; empty if it cannot be read. */
export function readTail(file: string, lineCount = 20): string {
  try {
    return toPlainLines(readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lineCount).join('\n'));
  } catch {
    return '';
  }
}
