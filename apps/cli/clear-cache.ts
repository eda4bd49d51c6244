import { Cluster } from 'ioredis';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { sendControl } from '../../shared/redis/control.ts';
import { listInstances } from '../../shared/redis/presence.ts';
import { appSettingsCopyKey } from '../../shared/session/app-settings-copy.ts';
import { sessionKeyPrefix } from '../../shared/session/cache-key.ts';

export interface ClearedCache {
  /** Entries removed from Redis. */
  readonly removed: number;
  /** Processes that have forgotten what they knew. */
  readonly obeyed: readonly string[];
  /** Live processes that did not say so in time. */
  readonly silent: readonly string[];
}

const scanCount = 1000;
const obeyTimeoutMs = 3000;

/**
 * Empties the session cache in Redis and makes every process forget cached sessions and app settings; done when all have.
 * Visits on their way to MySQL are not part of the cache and stay.
 */
export async function clearCache(
  commands: RedisClient,
  cacheRedis: RedisClient,
  clock: RedisClock,
): Promise<ClearedCache> {
  const nodes = cacheRedis instanceof Cluster ? cacheRedis.nodes('master') : [cacheRedis];
  let removed = 0;
  for (const node of nodes) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', `${sessionKeyPrefix}*`, 'COUNT', scanCount);
      cursor = next;
      // One by one: keys of a cluster lie in many slots.
      const counts = await Promise.all(keys.map((key) => node.unlink(key)));
      removed += counts.reduce((sum, count) => sum + count, 0);
    } while (cursor !== '0');
  }
  await cacheRedis.del(appSettingsCopyKey);
  const instances = await listInstances(commands, clock);
  const silent = await sendControl(commands, { kind: 'forget-cached' }, instances, obeyTimeoutMs);
  return { removed, obeyed: instances.filter((instance) => !silent.includes(instance)), silent };
}
