import { Agent } from 'node:http';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { authOver } from '../../support/load.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { startStack, testAppid } from '../../support/stack.ts';
import { storeSessions } from '../../support/stored-sessions.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import type { AlertCase } from '../alert-case.ts';

/** A front end has at most one visit of each. */
const sessionCount = 105_000;
const connections = 32;

export const visitsPending: AlertCase = {
  alert: 'WaferVisitsPending',
  fault: 'the Redis of the queue is away while 105,000 users come',
  async open(onClose) {
    const [queue, cache] = [await startTestRedis({ onClose }), await startTestRedis({ onClose })];
    const proxy = await startTcpProxy({ port: queue.port, onClose });
    const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_CACHE_URL: cache.url };
    const { database, urls } = await startStack({ onClose, env });
    const time = nowSeconds() - 60;
    const times = { appid: testAppid, createTime: time, lastVisitTime: time };
    const sessions = await storeSessions(
      database,
      Array.from({ length: sessionCount }, () => times),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    onClose(async () => agent.destroy());
    let next = 0;
    let coming: Promise<unknown> = Promise.resolve();
    const comeOneByOne = async () => {
      for (let session = sessions[next++]; session !== undefined; session = sessions[next++])
        await authOver(agent, urls[0], session);
    };
    onClose(async () => {
      next = sessionCount;
      await coming;
    });
    return {
      urls,
      async breakIt() {
        await proxy.refuse();
        coming = Promise.all(Array.from({ length: connections }, comeOneByOne)).catch(() => undefined);
      },
      mend: () => proxy.pass(),
    };
  },
};
