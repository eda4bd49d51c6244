import { Cluster } from 'ioredis';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { tellAll, type Obeyed } from '../../shared/redis/control.ts';
import { scanKeys } from '../../shared/redis/scan-keys.ts';
import { appSettingsCopyKey } from '../../shared/session/app-settings-copy.ts';
import { cachedSessionPrefix } from '../../shared/session/cache-key.ts';

export interface ClearedCache extends Obeyed {
  /** Entries removed from Redis. */
  readonly removed: number;
}

/**
 * Empties the session cache in Redis and makes every process forget cached sessions and app settings; done when all have.
 * Visits on their way to MySQL are not part of the cache and stay.
 */
export async function clearCache(
  commands: RedisClient,
  cacheRedis: RedisClient,
  clock: RedisClock,
  onProgress: (removed: number, share: number | undefined) => void = () => undefined,
): Promise<ClearedCache> {
  let removed = 0;
  // Of a cluster it would be one node's.
  const keys = cacheRedis instanceof Cluster ? undefined : await cacheRedis.dbsize();
  for await (const found of scanKeys(cacheRedis, `${cachedSessionPrefix}*`)) {
    // One by one: keys of a cluster lie in many slots.
    const counts = await Promise.all(found.map((key) => cacheRedis.unlink(key)));
    removed += counts.reduce((sum, count) => sum + count, 0);
    onProgress(removed, keys && removed / keys);
  }
  await cacheRedis.del(appSettingsCopyKey);
  return { removed, ...(await tellAll(commands, clock, { kind: 'forget-cached' })) };
}
