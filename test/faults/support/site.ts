import { join } from 'node:path';

import { createConnection } from 'mysql2/promise';

import type { Simulator } from '../../../apps/wechat-simulator/simulator.ts';
import { startMariadb, type MariadbServer } from '../../../apps/local/servers/mariadb.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { rootDir } from '../../support/built.ts';
import type { OnClose } from '../../support/closing.ts';
import { ensureServers, startTestRedis, type TestRedis } from '../../support/redis-server.ts';
import { testAppid, testSecret } from '../../support/stack.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { startTestWechat } from '../../support/wechat.ts';
import { createProgram, type Program } from './program.ts';

/** A whole installation of real processes, in which everything can be broken. Nothing of it is shared with others. */
export interface Site {
  /** Of the programs. */
  readonly env: Readonly<Record<string, string>>;
  readonly webs: readonly Program[];
  readonly workers: readonly Program[];
  readonly redis: RestartableRedis;
  readonly mysql: RestartableMysql;
  readonly wechat: Simulator;
  /** How many codes WeChat was asked for from then on, by performance.now(). */
  exchangesSince(ms: number): number;
  /** One more program, not started yet. */
  readonly addProgram: (
    role: 'web' | 'worker',
    options?: { env?: Record<string, string>; rootDir?: string },
  ) => Promise<Program>;
}

interface Restartable {
  /** Between the programs and the server. */
  readonly proxy: TcpProxy;
  /** kill -9; the port refuses. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

interface RestartableRedis extends Restartable {
  /** The server itself, past the proxy. */
  readonly url: string;
}

interface RestartableMysql extends Restartable {
  /** Runs SQL as root, past the proxy. */
  query<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** The programs' own user on the server itself. */
  readonly url: string;
  /** root on the server itself. */
  readonly adminUrl: string;
}

export interface SiteOptions {
  readonly onClose: OnClose;
  readonly webs?: number;
  readonly workers?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly wechatLatencyMs?: number;
  /** More variables of one program. */
  readonly envOf?: (role: 'web' | 'worker', index: number) => Record<string, string>;
  /** More arguments of redis-server. */
  readonly redisArgs?: string[];
  /** Where the programs' versions lie; default: the built version of this folder. */
  readonly rootDirOf?: (role: 'web' | 'worker', index: number) => string;
}

/** Starts everything; resolves when every program is ready. */
export async function startSite({
  onClose,
  webs: webCount = 2,
  workers: workerCount = 2,
  env = {},
  wechatLatencyMs = 30,
  envOf = () => ({}),
  redisArgs = [],
  rootDirOf = () => rootDir,
}: SiteOptions): Promise<Site> {
  const closers: (() => Promise<unknown>)[] = [];
  onClose(async () => {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  });
  const later = (close: () => Promise<unknown>) => void closers.push(close);

  const mysql = await startRestartableMysql(later);
  const redis = await startRestartableRedis(later, redisArgs);
  let asked: number[] = [];
  const noteExchange = () => {
    asked.push(performance.now());
    // Only the last moments are ever looked at.
    if (asked.length > 20_000) asked = asked.slice(-10_000);
  };
  const wechat = await startTestWechat({ onClose: later, latencyMs: wechatLatencyMs, onRequest: noteExchange });
  const databaseUrl = new URL(mysql.url);
  await migrate({ databaseUrl: mysql.url });
  await mysql.query('insert into cAppinfo set appid = ?, secret = ?', [testAppid, testSecret]);
  databaseUrl.port = String(mysql.proxy.port);
  const common = {
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl.href,
    REDIS_URL: `redis://127.0.0.1:${redis.proxy.port}`,
    WECHAT_API_BASE: wechat.url,
    ...env,
  };
  const addProgram: Site['addProgram'] = (role, options = {}) =>
    createProgram({ role, rootDir, onClose: later, ...options, env: { ...common, ...options.env } });
  const addAll = (role: 'web' | 'worker', count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        addProgram(role, { env: envOf(role, index), rootDir: rootDirOf(role, index) }),
      ),
    );
  const workers = await addAll('worker', workerCount);
  const webs = await addAll('web', webCount);
  await Promise.all([...workers, ...webs].map((program) => program.start()));
  return {
    env: common,
    webs,
    workers,
    redis,
    mysql,
    wechat,
    addProgram,
    exchangesSince: (ms) => asked.filter((at) => at >= ms).length,
  };
}

async function startRestartableRedis(onClose: OnClose, args: string[]): Promise<RestartableRedis> {
  let server: TestRedis = await startTestRedis({ args });
  onClose(() => server.close());
  const { port, url } = server;
  const proxy = await startTcpProxy({ port, onClose });
  return {
    url,
    proxy,
    async kill() {
      await proxy.refuse();
      await server.close();
    },
    async start() {
      server = await startTestRedis({ port, args });
      await proxy.pass();
    },
  };
}

async function startRestartableMysql(onClose: OnClose): Promise<RestartableMysql> {
  await ensureServers(['mariadb']);
  const folder = await createTemporaryFolder('site');
  onClose(folder.remove);
  const dir = join(folder.path, 'mariadb');
  // What is committed outlives the process, as in production; the disk's own death is not tested here.
  const args = ['--innodb-flush-log-at-trx-commit=2', '--innodb-doublewrite=1'];
  let server: MariadbServer = await startMariadb({ dir, ephemeral: true, args });
  onClose(() => server.stop());
  const { port, url, adminUrl } = server;
  const proxy = await startTcpProxy({ port, onClose });
  const query = async <Row>(sql: string, values: unknown[] = []) => {
    const connection = await createConnection({ uri: adminUrl });
    try {
      await connection.query('use cAuth');
      const [rows] = await connection.query(sql, values);
      return rows as Row[];
    } finally {
      connection.destroy();
    }
  };
  return {
    url,
    adminUrl,
    proxy,
    query,
    async kill() {
      await proxy.refuse();
      server.kill('SIGKILL');
      await server.exited;
    },
    async start() {
      server = await startMariadb({ dir, port, ephemeral: true, args });
      await proxy.pass();
    },
  };
}
