import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.ts';
import { makeTimeoutsPatient } from './patient-redis.ts';

export type RedisClient = Redis | Cluster;

/**
 * What a connection is for decides how it waits:
 * - `commands`: a caller waits, so a command fails at once while the server is away, and after `commandTimeoutMs` when it is silent
 * - `blocking`: BullMQ's worker, which waits for jobs, a second at a time, and reconnects for ever
 * - `subscriber`: pub/sub, subscribed again after every reconnect
 * - `changes`: pub/sub in the protocol in which Redis tells of changed keys; its user subscribes after each reconnect
 */
export type RedisRole = 'commands' | 'blocking' | 'subscriber' | 'changes';

/** A log-in that can't be queued fails within a second, so this leaves time for the way there and back. */
const defaultCommandTimeoutMs = 800;
const connectTimeoutMs = 1500;
/**
 * A connection whose server sends no greeting within this time is dropped and opened again: its network may drop
 * packets.
 */
const greetingTimeoutMs = 1500;
/**
 * A connection on which an answer is overdue for this long is given up. A network that drops packets closes nothing: without this
 * the connection would be waited for until TCP gives up, a quarter of an hour later, though a new one might work at once.
 */
const silenceMs = { blocking: 2500, subscriber: 2000, changes: 2000 } as const;
/** Of a connection for commands it is their time-out, within these limits: a brief pause is no death, and a long one would be noticed late. */
const commandSilenceMs = { least: 800, most: 2000 } as const;
/** An idle connection shows no failure; a PING every second does. */
const pingIntervalMs = 1000;

/** Reconnects soon after a short cut, and twice a second in a long one. Jitter keeps a thousand processes apart. */
function retryDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 4), 500) * (0.75 + Math.random() / 2);
}

/**
 * Opens a connection; it comes up in the background. The caller closes it with `disconnect()`.
 * @param isWatched for a connection for commands that is idle while a queue is away, and whose first user would find it dead
 * @param pipelined commands of one turn of the event loop go out in one write: for many small commands at once that can't be made one
 */
export function connectRedis(
  address: RedisAddress,
  role: RedisRole,
  { commandTimeoutMs = defaultCommandTimeoutMs, isWatched = false, pipelined = false } = {},
): RedisClient {
  makeTimeoutsPatient();
  const client = open(address, role, {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    connectTimeout: connectTimeoutMs,
    keepAlive: 10_000,
    socketTimeout:
      role === 'commands'
        ? Math.min(Math.max(commandTimeoutMs, commandSilenceMs.least), commandSilenceMs.most)
        : silenceMs[role],
    enableAutoPipelining: pipelined,
    ...(role === 'commands'
      ? { commandTimeout: commandTimeoutMs, maxRetriesPerRequest: 0 }
      : { maxRetriesPerRequest: null }),
    ...(role === 'changes' ? { protocol: 2, autoResubscribe: false } : {}),
  });
  // Without a listener ioredis prints every failed attempt; readiness reports the state instead.
  client.on('error', () => {});
  endWithCopies(client);
  if (role === 'subscriber' || role === 'changes' || isWatched) keepAsking(client);
  return client;
}

function keepAsking(client: RedisClient): void {
  const timer = setInterval(() => {
    if (client.status === 'ready') client.ping().catch(() => undefined);
  }, pingIntervalMs);
  timer.unref();
  client.once('end', () => clearInterval(timer));
}

/**
 * Ends those that BullMQ makes after this one together with it: BullMQ leaves one alone, to connect again for ever, whose connection is
 * down in the moment in which it is closed.
 */
function endWithCopies(client: RedisClient): void {
  const copies: RedisClient[] = [];
  const duplicate = client.duplicate.bind(client) as (...options: unknown[]) => RedisClient;
  client.duplicate = ((...options: unknown[]) => {
    const copy = duplicate(...options);
    copies.push(copy);
    return copy;
  }) as typeof client.duplicate;
  const disconnect = client.disconnect.bind(client);
  client.disconnect = (reconnect) => {
    disconnect(reconnect);
    if (reconnect !== true) for (const copy of copies) copy.disconnect();
  };
}

/** Gives up a connection on which the server does not introduce itself. So do the clients that BullMQ makes after this one. */
function makeImpatient(client: Redis): Redis {
  client.on('connect', () => {
    const { stream } = client;
    const timer = setTimeout(() => stream.destroy(), greetingTimeoutMs);
    const stop = () => {
      clearTimeout(timer);
      client.off('ready', stop).off('close', stop);
    };
    client.on('ready', stop).on('close', stop);
  });
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => makeImpatient(duplicate(override));
  return client;
}

interface CommonOptions {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
  readonly connectTimeout: number;
  readonly keepAlive: number;
  readonly socketTimeout: number;
  readonly enableAutoPipelining: boolean;
  readonly commandTimeout?: number;
  readonly maxRetriesPerRequest: number | null;
  readonly protocol?: 2;
  readonly autoResubscribe?: boolean;
}

function open(address: RedisAddress, role: RedisRole, options: CommonOptions): RedisClient {
  const enableOfflineQueue = role !== 'commands';
  if (address.kind === 'cluster') {
    return new Cluster([...address.nodes], {
      redisOptions: options,
      enableOfflineQueue,
      clusterRetryStrategy: retryDelayMs,
      slotsRefreshTimeout: connectTimeoutMs,
      retryDelayOnFailover: 100,
    });
  }
  const single = { ...options, enableOfflineQueue, retryStrategy: retryDelayMs, db: address.db };
  if (address.kind === 'single') return makeImpatient(new Redis({ ...single, ...address.nodes[0] }));
  return makeImpatient(
    new Redis({
      ...single,
      sentinels: [...address.nodes],
      name: address.masterName,
      sentinelRetryStrategy: retryDelayMs,
      enableTLSForSentinelMode: address.tls,
    }),
  );
}

/** Resolves when the connection can take commands; rejects when `signal` aborts. */
export async function whenReady(client: RedisClient, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const onReady = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = () => {
      client.off('ready', onReady);
      reject(signal.reason as Error);
    };
    client.once('ready', onReady);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
