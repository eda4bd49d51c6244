import type { Redis } from 'ioredis';

import {
  alwaysHolds,
  describeErrors,
  must,
  mustWithin,
  recoversWithin,
  type Check,
  type Drill,
  type Fault,
  type Outcome,
} from '../support/fault.ts';
import type { Load } from '../support/load.ts';
import type { Site } from '../support/site.ts';
import { errorCount, total } from '../support/tally.ts';
import { openRedis } from '../../support/open-redis.ts';

/** Redis answers, reads included, but takes nothing: that has to be said, not only when somebody logs in. */
export async function withoutWrites(
  { underLoad, lengths }: Drill,
  site: Site,
  full: (redis: Redis) => Promise<() => Promise<unknown>>,
): Promise<Outcome> {
  const redis = openRedis(site.redis.url);
  let readiness = '';
  const outage = async (load: Load) => {
    const relieve = await full(redis);
    try {
      await load.last(lengths.outageMs);
      readiness = await (await fetch(`${site.webs[0]?.url}/readyz`)).text();
    } finally {
      await relieve();
    }
  };
  try {
    const seen = await underLoad(site, outage);
    const { during } = seen.tally.counts.login;
    const checks: Check[] = [
      ...alwaysHolds(seen),
      must('log-ins fail clearly meanwhile', errorCount(during) > 0, describeErrors(during.errors)),
      mustWithin('a log-in is answered', 2500, total(seen.tally, 'login').slowestMs),
      must('readiness says so', readiness.includes('"redis"'), readiness),
      ...recoversWithin(5000, seen),
    ];
    return { ...seen, checks };
  } finally {
    redis.disconnect();
  }
}

export const redisOutOfMemory: Fault = {
  name: 'redis-out-of-memory',
  title: 'Redis maxmemory reached',
  holds: 'log-ins fail clearly, readiness says so, and all works again',
  async run(drill) {
    return withoutWrites(drill, await drill.site(), async (redis) => {
      // Redis takes no write above it; reads and checks go on.
      await redis.config('SET', 'maxmemory', '1mb');
      return () => redis.config('SET', 'maxmemory', '0');
    });
  },
};
