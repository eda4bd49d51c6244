import { startWeb } from '../../apps/web/web.ts';
import { startWorker } from '../../apps/worker/worker.ts';
import { readConfig, type Config } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import { migrate } from '../../shared/store/migrate.ts';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import type { OnClose } from './closing.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { patience } from './machine-load.ts';
import { startTestRedis, type TestRedis } from './redis-server.ts';
import { noteKeys, noteSecret, traceFile } from './traces.ts';
import { startTestWechat } from './wechat.ts';

export const testAppid = 'wx0123456789abcdef';
export const testSecret = '0123456789abcdef0123456789abcdef';

/** Front ends and workers in this process, on a Redis, a database and a simulated WeChat of their own. */
export interface TestStack {
  readonly config: Config;
  readonly env: Record<string, string>;
  readonly redis: TestRedis | undefined;
  readonly database: TestDatabase;
  readonly wechat: Simulator | undefined;
  /** Addresses of the front ends. */
  readonly urls: readonly [string, ...string[]];
  /** @param env of both: differing from the stack's */
  readonly addWeb: (env?: Record<string, string>) => Promise<string>;
  readonly addWorker: (env?: Record<string, string>) => Promise<{ close(): Promise<void> }>;
}

export interface TestStackOptions {
  readonly onClose: OnClose;
  readonly webs?: number;
  readonly workers?: number;
  /** More environment variables; REDIS_URL and WECHAT_API_BASE replace the stack's own parts. */
  readonly env?: Record<string, string>;
  /** Runs before the migration, on the empty database. */
  readonly prepare?: (database: TestDatabase) => Promise<void>;
  /** Assignments to the app's row, such as `grace_seconds = 5`, before anything reads it. */
  readonly app?: string;
}

export async function startStack({
  onClose,
  webs = 1,
  workers = 1,
  env = {},
  prepare,
  app,
}: TestStackOptions): Promise<TestStack> {
  const closers: (() => Promise<unknown>)[] = [];
  // The last opened goes first, and everything goes even if one step fails.
  onClose(async () => {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  });
  const later = (close: () => Promise<unknown>) => void closers.push(close);

  const database = await createTestDatabase({ onClose: later });
  await prepare?.(database);
  await migrate({ databaseUrl: database.url });
  if ((await database.query('select appid from cAppinfo')).length === 0) {
    await database.query('insert into cAppinfo set appid = ?, secret = ?', [testAppid, testSecret]);
  }
  if (app !== undefined) await database.query(`update cAppinfo set ${app}`);
  const redis = env['REDIS_URL'] === undefined ? await startTestRedis({ onClose: later }) : undefined;
  const wechat = env['WECHAT_API_BASE'] === undefined ? await startTestWechat({ onClose: later }) : undefined;
  const allEnv: Record<string, string> = {
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    // Its statements would be among those that a test counts.
    CONSOLE_SAMPLES_DAYS: '0',
    DATABASE_URL: database.url,
    REDIS_URL: redis?.url ?? '',
    WECHAT_API_BASE: wechat?.url ?? '',
    ...env,
  };
  const config = readConfig(allEnv);
  noteSecret('app secret', testSecret);

  /** On standard output if somebody wants to see it, else everything into a file that is searched for secrets. */
  const openLog = (role: string) => {
    const file = process.env['TEST_LOG_LEVEL'] === undefined ? traceFile(role) : undefined;
    return createLog(role, file === undefined ? config.logLevel : 'trace', file);
  };
  const read = (different: Record<string, string>) => {
    const env = { ...allEnv, ...different };
    noteKeys(env['WAFER_KEYS']);
    return readConfig(env);
  };
  const addWeb = async (different: Record<string, string> = {}) => {
    const web = await startWeb(read(different), openLog('web'));
    later(() => web.close());
    return `http://127.0.0.1:${web.port}`;
  };
  const addWorker = async (different: Record<string, string> = {}) => {
    const worker = await startWorker(read(different), openLog('worker'));
    later(() => worker.close());
    return worker;
  };
  for (let index = 0; index < workers; index++) await addWorker();
  const urls: string[] = [];
  for (let index = 0; index < webs; index++) urls.push(await addWeb());
  await Promise.all(urls.map((url) => untilReady(url, { withoutWorker: workers === 0 })));
  return { config, env: allEnv, redis, database, wechat, urls: urls as [string, ...string[]], addWeb, addWorker };
}

const readyTimeoutMs = 20_000;

/** Polls /readyz, which is what a balancer does. */
export async function untilReady(url: string, { withoutWorker = false } = {}): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    if (response?.status === 200) return;
    const text = (await response?.text()) ?? '';
    if (withoutWorker && text.includes('"reasons":["starting","worker"]')) return;
    if (performance.now() - startedAt > readyTimeoutMs * patience()) throw new Error(`not ready: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
