import { alwaysHolds, must, mustWithin, recoversWithin, type Check, type Fault, type Seen } from '../support/fault.ts';
import { errorCount, total } from '../support/tally.ts';
import { openRedis } from '../../support/open-redis.ts';

/** Nobody logs in meanwhile, and everybody is told so soon. */
function loginsFailClearly({ tally }: Seen, underWayMs: number): Check[] {
  const { before, during } = tally.counts.login;
  return [
    must('log-ins fail while Redis is gone', errorCount(during) > 0, `${errorCount(during)} of ${during.sent}`),
    mustWithin('a log-in is answered, while Redis is gone,', 1000, during.slowestMs),
    mustWithin('a log-in that was under way is answered', underWayMs, before.slowestMs),
  ];
}

export const redisRestarted: Fault = {
  name: 'redis-restarted',
  title: 'Redis killed, and restarted empty',
  holds: 'no valid session is refused, log-ins fail clearly and work again',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const seen = await underLoad(site, async (load) => {
      await site.redis.kill();
      await load.last(lengths.outageMs);
      await site.redis.start();
    });
    return { ...seen, checks: [...alwaysHolds(seen), ...loginsFailClearly(seen, 1000), ...recoversWithin(5000, seen)] };
  },
};

export const redisFlushed: Fault = {
  name: 'redis-flushed',
  title: 'FLUSHALL under load',
  holds: 'no valid session is refused, and log-ins go on',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const redis = openRedis(site.redis.url);
    try {
      const seen = await underLoad(site, async (load) => {
        for (let round = 0; round < lengths.kills; round++) {
          await redis.flushall();
          await load.last(1000);
        }
      });
      const { slowestMs } = total(seen.tally, 'login');
      return {
        ...seen,
        checks: [
          ...alwaysHolds(seen),
          mustWithin('a log-in that was under way is answered', 2500, slowestMs),
          ...recoversWithin(5000, seen),
        ],
      };
    } finally {
      redis.disconnect();
    }
  },
};

export const redisBlackHoled: Fault = {
  name: 'redis-black-holed',
  title: 'Redis black-holed; afterwards its old connections stay dead',
  holds: 'no valid session is refused, log-ins fail clearly and work again',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const seen = await underLoad(site, async (load) => {
      await site.redis.proxy.blackHole();
      await load.last(lengths.outageMs);
      await site.redis.proxy.passNewOnes();
    });
    return {
      ...seen,
      checks: [
        ...alwaysHolds(seen),
        // That a connection is dead shows after 0.8 s without an answer.
        ...loginsFailClearly(seen, 2500),
        mustWithin('a check is answered', 2000, seen.tally.counts.check.during.slowestMs),
        ...recoversWithin(5000, seen),
      ],
    };
  },
};
