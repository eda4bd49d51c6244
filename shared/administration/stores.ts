import { BaseError, type Sequelize } from 'sequelize';
import type { RedisAddress } from '../config/redis-url.ts';
import { createRedisClock, type RedisClock } from '../redis/clock.ts';
import { connectRedis, whenReady, type RedisClient } from '../redis/connect.ts';
import { nameNodes } from '../redis/failure.ts';
import { openDatabase } from '../store/database.ts';
import { defineAppInfo, defineSessionInfo, type AppInfo, type SessionInfo } from '../store/models.ts';
import { describeDatabaseFailure } from './database-failure.ts';
import { AdministrationFailure } from './failure.ts';
import { patienceMs } from './patience.ts';
import { readSettings } from './settings.ts';
import { explainRedisFailure } from './store-failure.ts';

export interface OpenDatabase {
  readonly sequelize: Sequelize;
  readonly appInfo: AppInfo;
  readonly sessionInfo: SessionInfo;
}

export interface OpenRedis {
  /** The queue's Redis. */
  readonly commands: RedisClient;
  /** The session cache's Redis, which may be the same. */
  readonly cacheRedis: RedisClient;
  readonly clock: RedisClock;
}

export type OpenStores = OpenDatabase & OpenRedis;

/**
 * Redis for one piece of work, opened for it or lent.
 * @throws {AdministrationFailure | ConfigError} if it can't be used
 */
export type UseRedis = <Result>(work: (redis: OpenRedis) => Promise<Result>) => Promise<Result>;

/** Where it is open already. */
export function lendRedis(redis: OpenRedis): UseRedis {
  return async (work) => {
    try {
      return await work(redis);
    } catch (error) {
      throw explainRedisFailure(error);
    }
  };
}

const poolSize = 4;

/**
 * Works with the database and closes it.
 * @param mayBeLate only reads, and a replica may answer
 * @throws {AdministrationFailure} if it can't be used
 */
export async function withDatabase<Result>(
  env: NodeJS.ProcessEnv,
  work: (database: OpenDatabase) => Promise<Result>,
  { mayBeLate = false } = {},
): Promise<Result> {
  const { primary, replica } = readSettings(env, 'database').database;
  const address = mayBeLate ? (replica ?? primary) : primary;
  const sequelize = openDatabase(address, { poolSize, connectTimeoutMs: patienceMs });
  try {
    return await work({ sequelize, appInfo: defineAppInfo(sequelize), sessionInfo: defineSessionInfo(sequelize) });
  } catch (error) {
    throw error instanceof BaseError ? describeDatabaseFailure(error, address) : error;
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

/** Works with both roles of Redis and closes them. @throws {AdministrationFailure} if they can't be used */
export async function withRedis<Result>(
  env: NodeJS.ProcessEnv,
  work: (redis: OpenRedis) => Promise<Result>,
): Promise<Result> {
  const { queue, cache } = readSettings(env, 'redis').redis;
  const isShared = JSON.stringify(queue) === JSON.stringify(cache);
  const clients: RedisClient[] = [];
  const open = async (address: RedisAddress, variable: string) => {
    const client = await connectReady(address, variable);
    clients.push(client);
    return client;
  };
  let clock: RedisClock | undefined;
  try {
    const [commands, cacheRedis] = await Promise.all([
      open(queue, 'REDIS_URL'),
      isShared ? undefined : open(cache, 'REDIS_CACHE_URL'),
    ]);
    clock = createRedisClock(commands);
    await clock.sync();
    return await work({ commands, cacheRedis: cacheRedis ?? commands, clock });
  } catch (error) {
    throw explainRedisFailure(error);
  } finally {
    clock?.close();
    for (const client of clients) client.disconnect();
  }
}

/** Both, for work that needs both. @throws {AdministrationFailure} if one can't be used */
export function withStores<Result>(
  env: NodeJS.ProcessEnv,
  work: (stores: OpenStores) => Promise<Result>,
): Promise<Result> {
  return withDatabase(env, (database) => withRedis(env, (redis) => work({ ...database, ...redis })));
}

const readyTimeoutMs = 2500;

/**
 * A connection that takes commands. The caller disconnects it.
 * @throws {AdministrationFailure} with the last reason that was heard
 */
export async function connectReady(address: RedisAddress, variable: string): Promise<RedisClient> {
  const client = connectRedis(address, 'commands', { commandTimeoutMs: patienceMs });
  let reason = `nothing within ${readyTimeoutMs} ms`;
  client.on('error', (error: Error & { lastNodeError?: Error }) => {
    reason = (error.lastNodeError ?? error).message || (error as { code?: string }).code || reason;
  });
  try {
    await whenReady(client, AbortSignal.timeout(readyTimeoutMs));
    return client;
  } catch (error) {
    client.disconnect();
    throw new AdministrationFailure(
      'redis_unreachable',
      `No answer from Redis at ${nameNodes(address)} (${reason}). Is it running, and is ${variable} right?`,
      { cause: new Error(reason, { cause: error }) },
    );
  }
}
