import type { Sequelize } from 'sequelize';
import type { RedisClock } from '../redis/clock.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { Seal } from '../rpc/seal.ts';
import type { AppInfo } from '../store/models.ts';

/** Everything that an erasure goes through. */
export interface ErasureStores {
  readonly sequelize: Sequelize;
  readonly appInfo: AppInfo;
  /** The queue's Redis. */
  readonly commands: RedisClient;
  /** The session cache's Redis. */
  readonly cacheRedis: RedisClient;
  readonly clock: RedisClock;
  readonly seal: Seal;
}
