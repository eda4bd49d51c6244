import { Redis } from 'ioredis';
import { compareAuth } from './auth.ts';
import type { Scenario } from './scenario.ts';

/** Below this, checks were answered from a process's memory, which is not what is compared. */
const leastReadsPerCheck = 0.95;

/** Evenly drawn sessions, each answered by Redis, against node:http with one GET. */
export const authCold: Scenario = async (bench) => {
  await bench.dataset.peer('plain');
  const source = await bench.dataset.even();
  const redis = new Redis(bench.stack.redisUrl);
  try {
    return await compareAuth(bench, {
      name: 'auth.cold',
      source,
      peer: 'bare',
      peerSource: source,
      webEnv: { SESSION_MEMORY: '0' },
      async inspectOurs(measure) {
        const before = await countReads(redis);
        const measured = await measure();
        const reads = ((await countReads(redis)) - before) / measured.requests;
        return reads >= leastReadsPerCheck
          ? { measured }
          : { measured, fault: `only ${reads.toFixed(2)} reads of Redis per check` };
      },
    });
  } finally {
    redis.disconnect();
  }
};

/** Keys that were looked at, by whatever command. */
async function countReads(redis: Redis): Promise<number> {
  const stats = await redis.info('stats');
  return [...stats.matchAll(/^keyspace_(?:hits|misses):(\d+)/gm)].reduce((sum, [, keys]) => sum + Number(keys), 0);
}
