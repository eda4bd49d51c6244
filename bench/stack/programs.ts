import { join } from 'node:path';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { onCores, type Cores } from './cores.ts';

/** A Node program of ours or of a peer, running. */
export interface Program {
  readonly label: string;
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  /** From the start of the process until it was ready, in milliseconds. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly label: string;
  readonly script: string;
  readonly env: Record<string, string>;
  /** The variable that takes the port. */
  readonly portVariable?: string;
  /** Answers 200 once the program is ready. */
  readonly readyPath: string;
  readonly cores: Cores;
  readonly nodeArgs?: readonly string[];
  /** Folder for log and pid. */
  readonly runDir: string;
}

const readyTimeoutMs = 60_000;
const pollTimeoutMs = 2000;
let started = 0;

/** @throws with the end of its log if it does not become ready */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { label, script, env, portVariable = 'PORT', readyPath, cores, nodeArgs = [], runDir } = options;
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const command = onCores(cores, process.execPath, [...nodeArgs, script]);
  const startedAt = performance.now();
  const server = await startServerProcess({
    name: label,
    binary: command.program,
    args: command.args,
    dir: join(runDir, `${label}-${++started}`),
    env: { NODE_ENV: 'production', HOST: '127.0.0.1', ...env, [portVariable]: String(port) },
    isReady: () => answersOk(`${url}${readyPath}`),
    readyTimeoutMs,
    stopSignal: 'SIGTERM',
  });
  return { label, pid: server.pid, url, port, readyMs: performance.now() - startedAt, stop: server.stop };
}

async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(pollTimeoutMs), headers: { Connection: 'close' } });
  await response.arrayBuffer();
  return response.status === 200;
}
