import { BaseError, type Sequelize } from 'sequelize';
import { readConfig, type Config } from '../../shared/config/config.ts';
import type { RedisAddress } from '../../shared/config/redis-url.ts';
import { createColumnCipher, type ColumnCipher } from '../../shared/keys/column-cipher.ts';
import { createRedisClock, type RedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady, type RedisClient } from '../../shared/redis/connect.ts';
import { nameNodes } from '../../shared/redis/failure.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo, defineSessionInfo, type AppInfo, type SessionInfo } from '../../shared/store/models.ts';
import { describeDatabaseFailure } from './database-failure.ts';
import { CommandFailure } from './result.ts';
import { patienceMs } from './patience.ts';

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

const placeholders: Record<string, string> = {
  DATABASE_URL: 'mysql://user@127.0.0.1/cAuth',
  REDIS_URL: 'redis://127.0.0.1',
};
const variables = {
  database: ['DATABASE_URL', 'DATABASE_REPLICA_URL'],
  redis: ['REDIS_URL', 'REDIS_CACHE_URL', 'LOGIN_QUEUES'],
  callers: ['REQUIRE_CALLER_KEY'],
  keys: ['WAFER_KEYS'],
  retention: ['SESSION_RETENTION_DAYS', 'AUDIT_RETENTION_DAYS'],
  wechat: [
    'WECHAT_API_BASE',
    'WECHAT_TOKEN_URL',
    'WECHAT_COMPONENT_TOKEN_URL',
    'WECHAT_AUTHORIZER_TOKEN_URL',
    'WECOM_API_BASE',
    'WECHAT_TIMEOUT_MS',
    'LOGIN_DEADLINE_MS',
  ],
} as const;

/**
 * The configuration as far as a command needs it: one that only talks to Redis works where there is no database.
 * @throws {ConfigError} with the faults of the variables that are needed
 */
export function readSettings(env: NodeJS.ProcessEnv, needed: keyof typeof variables): Config {
  return readConfig({ ...placeholders, ...Object.fromEntries(variables[needed].map((name) => [name, env[name]])) });
}

/** What WAFER_KEYS of this command encrypts and decrypts. @throws {ConfigError} if it can't be used */
export function readCipher(env: NodeJS.ProcessEnv): ColumnCipher {
  return createColumnCipher(readSettings(env, 'keys').keys);
}

const poolSize = 4;

/**
 * Works with the database and closes it.
 * @param mayBeLate only reads, and a replica may answer
 * @throws {CommandFailure} if it can't be used
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

/** Works with both roles of Redis and closes them. @throws {CommandFailure} if they can't be used */
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
    throw isRedisError(error) ? describeRedisFailure(error) : error;
  } finally {
    clock?.close();
    for (const client of clients) client.disconnect();
  }
}

const readyTimeoutMs = 2500;

/**
 * A connection that takes commands. The caller disconnects it.
 * @throws {CommandFailure} with the last reason that was heard
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
    throw new CommandFailure(
      'redis_unreachable',
      `No answer from Redis at ${nameNodes(address)} (${reason}). Is it running, and is ${variable} right?`,
      { cause: new Error(reason, { cause: error }) },
    );
  }
}

/** What ioredis throws has no class in common; its names and messages are these. */
function isRedisError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const isNamed = ['ReplyError', 'AbortError', 'MaxRetriesPerRequestError', 'ClusterAllFailedError'].includes(
    error.name,
  );
  return (
    isNamed ||
    /^(Command timed out|Connection is closed|Stream isn't writeable|Too many Cluster redirections)/.test(error.message)
  );
}

function describeRedisFailure(error: Error): CommandFailure {
  return new CommandFailure('redis_failed', `Redis did not do what it was asked to: ${error.message}`, {
    cause: error,
  });
}
