import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { startMariadb } from '../../apps/local/servers/mariadb.ts';
import { startRedis } from '../../apps/local/servers/redis.ts';
import { workerFlags } from '../../apps/local/worker-flags.ts';
import type { CountedProcess } from '../measure/cpu.ts';
import { moveTo, type Cores } from './cores.ts';
import { startNginx } from './nginx.ts';
import { peerScript } from './peers.ts';
import { rootDir } from './root-dir.ts';
import { startProgram, type Program } from './programs.ts';

export const benchAppid = 'wx0123456789abcdef';
const benchSecret = '0123456789abcdef0123456789abcdef';

const run = promisify(execFile);

interface StartOptions {
  readonly cores?: Cores;
  readonly env?: Record<string, string>;
  readonly nodeArgs?: readonly string[];
}

/** Redis, MariaDB and WeChat of the bench's own, and the programs that run on them. */
export interface Stack {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly adminUrl: string;
  readonly dir: string;
  /** What both sides of a comparison use. */
  readonly shared: readonly CountedProcess[];
  /** Puts the shared servers and this process on these cores. */
  place(cores: Cores): void;
  startWeb(options?: StartOptions): Promise<Program>;
  startWorker(options?: StartOptions): Promise<Program>;
  startConsole(options?: StartOptions): Promise<Program>;
  startWechat(latencyMs: number, cores?: Cores): Promise<Program>;
  /** @param name a file in bench/peers/servers */
  startPeer(name: string, options?: StartOptions): Promise<Program>;
  /** @param body what it answers to everything @throws {SkippedError} without nginx */
  startNginx(body: string, cores?: Cores): Promise<Program>;
  close(): Promise<void>;
}

/** @param buildDir the checkout whose build is started */
export async function startStack(log: (line: string) => void, buildDir: string): Promise<Stack> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of closers.splice(0).toReversed()) await end().catch(() => undefined);
  };
  try {
    return await open(closers, close, log, buildDir);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
  log: (line: string) => void,
  buildDir: string,
): Promise<Stack> {
  const appScript = (...path: string[]) => join(buildDir, 'dist', 'apps', ...path);
  const dir = await mkdtemp(join(tmpdir(), 'wafer-bench-'));
  closers.push(() => rm(dir, { recursive: true, force: true }));
  log('Starting Redis and MariaDB …');
  const redis = await startRedis({ dir: join(dir, 'redis'), ephemeral: true });
  closers.push(redis.stop);
  const mariadb = await startMariadb({ dir: join(dir, 'mariadb'), ephemeral: true });
  closers.push(mariadb.stop);
  await tuneDatabase(mariadb.adminUrl);
  // The bench itself reads columns that an older build does not make.
  for (const each of new Set([buildDir, rootDir]))
    await run(process.execPath, [join(each, 'dist', 'apps', 'cli', 'migrate.js')], {
      env: { ...process.env, DATABASE_URL: mariadb.url },
    });
  await insertApp(mariadb.url);

  const runDir = join(dir, 'run');
  const start = async (options: Parameters<typeof startProgram>[0]) => {
    const program = await startProgram(options);
    closers.push(program.stop);
    return program;
  };
  const startWechat = (latencyMs: number, cores: Cores = 'rest') =>
    start({
      label: 'wechat',
      script: appScript('wechat-simulator', 'main.js'),
      env: { LATENCY_MS: String(latencyMs) },
      portVariable: 'WECHAT_SIMULATOR_PORT',
      readyPath: '/_sim/userdata?code=ready&appid=ready',
      cores,
      runDir,
    });
  const wechat = await startWechat(0);
  const common = { DATABASE_URL: mariadb.url, REDIS_URL: redis.url, WECHAT_API_BASE: wechat.url };
  const shared = [
    { label: 'redis', pid: redis.pid },
    { label: 'mariadb', pid: mariadb.pid },
    { label: 'wechat', pid: wechat.pid },
  ];
  const peerEnv = { ...common, BENCH_APPID: benchAppid, BENCH_SECRET: benchSecret };
  return {
    redisUrl: redis.url,
    databaseUrl: mariadb.url,
    adminUrl: mariadb.adminUrl,
    dir,
    shared,
    place: (cores) => [...shared.map(({ pid }) => pid), process.pid].forEach((pid) => moveTo(cores, pid)),
    startWeb: ({ cores = 'first', env = {}, nodeArgs = [] } = {}) =>
      start({
        label: 'web',
        script: appScript('web', 'main.js'),
        env: { ...common, ...env },
        readyPath: '/readyz',
        cores,
        nodeArgs,
        runDir,
      }),
    startWorker: ({ cores = 'rest', env = {}, nodeArgs = [] } = {}) =>
      start({
        label: 'worker',
        script: appScript('worker', 'main.js'),
        env: { ...common, ...env },
        portVariable: 'WORKER_HEALTH_PORT',
        readyPath: '/readyz',
        cores,
        nodeArgs: [...workerFlags, ...nodeArgs],
        runDir,
      }),
    startConsole: ({ cores = 'rest', env = {}, nodeArgs = [] } = {}) =>
      start({
        label: 'console',
        script: appScript('console', 'main.js'),
        env: { ...common, ...env },
        portVariable: 'CONSOLE_PORT',
        readyPath: '/readyz',
        cores,
        nodeArgs,
        runDir,
      }),
    startWechat,
    startPeer: (name, { cores = 'first', env = {}, nodeArgs = [] } = {}) =>
      start({
        label: name,
        script: peerScript(name),
        env: { ...peerEnv, ...env },
        readyPath: '/livez',
        cores,
        nodeArgs,
        runDir,
      }),
    async startNginx(body, cores = 'first') {
      const nginx = await startNginx(body, cores, runDir);
      closers.push(nginx.stop);
      return nginx;
    },
    close,
  };
}

/** Commits as durable as in production, and room for all sessions in memory. */
async function tuneDatabase(adminUrl: string): Promise<void> {
  const connection = await createConnection(adminUrl);
  await connection.query('set global innodb_flush_log_at_trx_commit = 1');
  await connection.query('set global innodb_buffer_pool_size = 1024 * 1024 * 1024');
  await connection.end();
}

async function insertApp(databaseUrl: string): Promise<void> {
  const connection = await createConnection(databaseUrl);
  await connection.query('insert into cAppinfo set appid = ?, secret = ?', [benchAppid, benchSecret]);
  await connection.end();
}
