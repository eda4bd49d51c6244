import { runCli } from '../../apps/cli/run-cli.ts';
import { writeLastRun } from '../../../shared/retention/queue.ts';
import { auth, call, login, newUser } from '../../support/client.ts';
import type { OnClose } from '../../support/closing.ts';
import { openRedis } from '../../support/open-redis.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import type { AlertCase } from '../alert-case.ts';
import { pace } from '../pace.ts';

export const loginsFail: AlertCase = {
  alert: 'WaferLoginsFail',
  fault: 'MySQL is away',
  async open(onClose) {
    const { urls, database } = await startStack({ onClose });
    onClose(pace(10, () => call(urls[0], 'qcloud.cam.id_skey', { code: newUser() })));
    return { urls, breakIt: async () => database.cut(), mend: async () => database.restore() };
  },
};

const sessionCount = 5;

/** Checks of some sessions, by turns. */
async function check(stack: TestStack, perSecond: number, onClose: OnClose): Promise<void> {
  const [url] = stack.urls;
  const answers = await Promise.all(Array.from({ length: sessionCount }, () => login(url, newUser())));
  let turn = 0;
  onClose(pace(perSecond, () => auth(url, answers[turn++ % sessionCount]?.returnData)));
}

export const checksFail: AlertCase = {
  alert: 'WaferChecksFail',
  fault: 'MySQL is away, and the cache came back empty',
  async open(onClose) {
    const { url: REDIS_CACHE_URL } = await startTestRedis({ onClose });
    const cache = openRedis(REDIS_CACHE_URL);
    onClose(async () => cache.disconnect());
    const stack = await startStack({ onClose, env: { REDIS_CACHE_URL, SESSION_MEMORY: '0' } });
    await check(stack, 20, onClose);
    return {
      urls: stack.urls,
      async breakIt() {
        stack.database.cut();
        await cache.flushall();
      },
      mend: async () => stack.database.restore(),
    };
  },
};

export const cacheMissed: AlertCase = {
  alert: 'WaferCacheMissed',
  fault: 'the Redis of the cache is away',
  async open(onClose) {
    const { port } = await startTestRedis({ onClose });
    const proxy = await startTcpProxy({ port, onClose });
    const env = { REDIS_CACHE_URL: `redis://127.0.0.1:${proxy.port}` };
    const stack = await startStack({ onClose, env });
    await check(stack, 30, onClose);
    return { urls: stack.urls, breakIt: () => proxy.refuse(), mend: () => proxy.pass() };
  },
};

const daysMs = 2 * 86_400_000;

export const retentionLate: AlertCase = {
  alert: 'WaferRetentionLate',
  fault: 'the last run ended two days ago, by its record in Redis',
  async open(onClose) {
    const stack = await startStack({ onClose, env: { SESSION_RETENTION_DAYS: '30' }, workers: 0 });
    const redis = openRedis(stack.redis?.url);
    onClose(async () => redis.disconnect());
    return {
      urls: stack.urls,
      async breakIt() {
        await writeLastRun(redis, { endedAt: Date.now() - daysMs, tookMs: 1, removed: {} });
        await stack.addWorker();
      },
      mend: () => runCli(stack.env, ['retention', 'run']),
    };
  },
};
