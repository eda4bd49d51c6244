import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { tellAll, type Obeyed } from '../../shared/redis/control.ts';
import { scanKeys } from '../../shared/redis/scan-keys.ts';
import { appSettingsCopyKey } from '../../shared/session/app-settings-copy.ts';
import { sessionKeyPrefix } from '../../shared/session/cache-key.ts';

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
): Promise<ClearedCache> {
  let removed = 0;
  for await (const keys of scanKeys(cacheRedis, `${sessionKeyPrefix}*`)) {
    // One by one: keys of a cluster lie in many slots.
    const counts = await Promise.all(keys.map((key) => cacheRedis.unlink(key)));
    removed += counts.reduce((sum, count) => sum + count, 0);
  }
  await cacheRedis.del(appSettingsCopyKey);
  return { removed, ...(await tellAll(commands, clock, { kind: 'forget-cached' })) };
}
