import type { Sequelize } from 'sequelize';
import type { Config } from '../config/config.ts';
import type { Closer } from '../lifecycle/closer.ts';
import type { Log } from '../log/log.ts';
import { createRedisClock, type RedisClock } from '../redis/clock.ts';
import { connectRedis, type RedisClient, type RedisUse } from '../redis/connect.ts';
import { createRedisWarning } from '../redis/outage-warning.ts';
import { openDatabase } from '../store/database.ts';

/** Connections of one process, web or worker, to MySQL and both Redis. */
export interface Stores {
  readonly sequelize: Sequelize;
  /** Of the queue's Redis. */
  readonly commands: RedisClient;
  readonly cacheRedis: RedisClient;
  /** Of the queue's Redis, for what is announced to all processes. */
  readonly subscriber: RedisClient;
  /** Of the queue's Redis. */
  readonly clock: RedisClock;
  /** A new connection to the queue's Redis for blocking reads; the caller closes it. */
  connectBlocking(): RedisClient;
}

/** Opens all at once and waits for none: each store may be away at the start. `closer` ends them. */
export function openStores(
  config: Config,
  options: { readonly commands?: RedisUse; readonly cache?: RedisUse },
  { closer, log }: { readonly closer: Closer; readonly log: Log },
): Stores {
  const { queue, cache } = config.redis;
  const sequelize = openDatabase(config.database.primary, config.database);
  closer.add('database', () => sequelize.close());
  const onError = createRedisWarning(log, queue, 'REDIS_URL');
  const onCacheError = cache === queue ? onError : createRedisWarning(log, cache, 'REDIS_CACHE_URL');
  const commands = connectRedis(queue, 'commands', { ...options.commands, onError });
  closer.add('redis', () => commands.disconnect());
  const cacheRedis = connectRedis(cache, 'commands', { ...options.cache, onError: onCacheError });
  closer.add('redis cache', () => cacheRedis.disconnect());
  const subscriber = connectRedis(queue, 'subscriber', { onError });
  closer.add('redis subscriber', () => subscriber.disconnect());
  const clock = createRedisClock(commands);
  closer.add('clock', () => clock.close());
  const connectBlocking = () => connectRedis(queue, 'blocking', { onError });
  return { sequelize, commands, cacheRedis, subscriber, clock, connectBlocking };
}
