import type { OnClose } from '../../support/closing.ts';
import { alwaysHolds, recoversWithin, type Fault } from '../support/fault.ts';
import { startClusterWithReplica, startSentinels, type FailoverRedis } from '../support/redis-failover.ts';
import { startSite } from '../support/site.ts';

function masterKilled(name: string, title: string, start: (onClose: OnClose) => Promise<FailoverRedis>): Fault {
  return {
    name,
    title,
    holds: 'no valid session is refused, and log-ins work again',
    async run({ onClose, underLoad }) {
      const redis = await start(onClose);
      const site = await startSite({ onClose, env: { REDIS_URL: redis.url } });
      const seen = await underLoad(site, async () => {
        await redis.killMaster();
        await redis.takenOver();
      });
      return { ...seen, checks: [...alwaysHolds(seen), ...recoversWithin(10_000, seen)] };
    },
  };
}

export const clusterMasterKilled = masterKilled(
  'cluster-master-killed',
  "kill -9 of a Redis Cluster's master",
  startClusterWithReplica,
);
export const sentinelMasterKilled = masterKilled(
  'sentinel-master-killed',
  "kill -9 of a Sentinel's master",
  startSentinels,
);
