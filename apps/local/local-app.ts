import { join } from 'node:path';

import { workerFlags } from './worker-flags.ts';
import { startServerProcess, stopLeftOver } from './servers/server-process.ts';
import { supervise, type Supervised } from './servers/supervise.ts';

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
const pollTimeoutMs = 2000;

const appNames = ['web', 'worker', 'console', 'wechat-simulator'] as const;

const runDirOf = (dataDir: string, name: string) => join(dataDir, 'run', name);

export interface AppOptions {
  /** Folder below dist/apps with a main.js. */
  name: (typeof appNames)[number];
  /** Answers 200 when the app is ready. */
  readyUrl: string;
  /** On top of our own variables. */
  env: NodeJS.ProcessEnv;
  rootDir: string;
  dataDir: string;
  logsDir: string;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** Ends what a killed run left behind: it still holds our ports, and writes to our database. */
export async function stopLeftOverApps(dataDir: string, log: (line: string) => void): Promise<void> {
  for (const name of appNames) {
    if (await stopLeftOver(runDirOf(dataDir, name))) log(`Stopped the ${name} that an earlier run left behind`);
  }
}

/** Runs one of our programs and keeps it running. Rejects with the end of its log when it does not become ready. */
export async function startApp({ name, readyUrl, env, ...options }: AppOptions): Promise<Supervised> {
  const { rootDir, log, signal } = options;
  const dir = runDirOf(options.dataDir, name);
  const logFile = join(options.logsDir, `${name}.log`);
  const flags = name === 'worker' ? workerFlags : [];
  return supervise({
    name,
    logFile,
    log,
    start: () =>
      startServerProcess({
        name,
        binary: process.execPath,
        args: ['--enable-source-maps', ...flags, join(rootDir, 'dist', 'apps', name, 'main.js')],
        dir,
        cwd: rootDir,
        logFile,
        env,
        isReady: () => answersOk(readyUrl),
        readyTimeoutMs,
        stopSignal: 'SIGTERM',
        stopTimeoutMs,
        signal,
      }),
  });
}

async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(pollTimeoutMs), headers: { Connection: 'close' } });
  await response.arrayBuffer();
  return response.status === 200;
}
