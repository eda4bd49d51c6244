import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.ts';
import { createStoreTlsReader, type StoreTls } from '../config/store-tls.ts';
import { HostConnector, SentinelHostConnector } from './host-connector.ts';
import { addressOf, type Address } from './left-servers.ts';
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

export interface RedisUse {
  readonly commandTimeoutMs?: number;
  /** For a connection for commands that is idle while a queue is away, and whose first user would find it dead. */
  readonly isWatched?: boolean;
  /** Commands of one turn of the event loop go out in one write: for many small commands at once that can't be made one. */
  readonly pipelined?: boolean;
  /** Told of every attempt to connect that fails, and of answers that everybody gets. */
  readonly onError?: (error: Error) => void;
}

const ignore = () => {};

/**
 * Opens a connection; it comes up in the background. The caller closes it with `disconnect()`.
 */
export function connectRedis(
  address: RedisAddress,
  role: RedisRole,
  { commandTimeoutMs = defaultCommandTimeoutMs, isWatched = false, pipelined = false, onError = ignore }: RedisUse = {},
): RedisClient {
  makeTimeoutsPatient();
  const server = address.kind === 'cluster' ? undefined : addressOf(address);
  const client = open(address, role, {
    // Of a cluster each node says itself where a slot has gone.
    reconnectOnError: heard(server, onError),
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls === undefined ? {} : { tls: tlsOptions(address.tls) }),
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
  // Without a listener ioredis prints every failed attempt.
  client.on('error', onError);
  endWithCopies(client);
  if (server !== undefined) joinWithCopies(client as Redis, server, role === 'commands');
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

/** It leaves together with the others, itself as well. */
function heard(server: Address | undefined, onError: (error: Error) => void): (error: Error) => false {
  return (error) => {
    server?.hear(error);
    if (refusal.test(error.message)) onError(error);
    return false;
  };
}

/** Answers that every other command would get as well. */
const refusal = /^(NOPERM|NOAUTH|READONLY|MISCONF|OOM|LOADING|MASTERDOWN) /;

function joinWithCopies(client: Redis, server: Address, isAsking: boolean): void {
  server.add(client, isAsking);
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => {
    const copy = duplicate(override);
    joinWithCopies(copy, server, false);
    return copy;
  };
}

/** Files are read by every connection anew. */
function tlsOptions(tls: StoreTls): object {
  const read = createStoreTlsReader(tls);
  const options = {};
  for (const name of ['ca', 'cert', 'key'] as const)
    if (tls[`${name}File`] !== undefined)
      Object.defineProperty(options, name, { enumerable: true, get: () => read()[name] });
  return options;
}

/** Gives up a connection on which the server does not introduce itself. So do the clients that BullMQ makes after this one. */
function makeImpatient(client: Redis): Redis {
  client.on('connect', () => {
    const { stream } = client;
    const timer = setTimeout(
      () => stream.destroy(new Error(`nothing received within ${greetingTimeoutMs} ms`)),
      greetingTimeoutMs,
    );
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
  readonly reconnectOnError: (error: Error) => false;
  readonly protocol?: 2;
  readonly autoResubscribe?: boolean;
}

function open(address: RedisAddress, role: RedisRole, options: CommonOptions): RedisClient {
  const enableOfflineQueue = role !== 'commands';
  if (address.kind === 'cluster') {
    return new Cluster([...address.nodes], {
      redisOptions: { ...options, Connector: HostConnector },
      // A certificate names hosts, not addresses.
      ...(address.tls === undefined ? {} : { dnsLookup: (host, done) => done(null, host) }),
      enableOfflineQueue,
      clusterRetryStrategy: retryDelayMs,
      slotsRefreshTimeout: connectTimeoutMs,
      retryDelayOnFailover: 100,
    });
  }
  const single = { ...options, enableOfflineQueue, retryStrategy: retryDelayMs, db: address.db };
  if (address.kind === 'single')
    return makeImpatient(new Redis({ ...single, ...address.nodes[0], Connector: HostConnector }));
  const { sentinelUsername, sentinelPassword } = address;
  return makeImpatient(
    new Redis({
      ...single,
      sentinels: [...address.nodes],
      name: address.masterName,
      sentinelRetryStrategy: retryDelayMs,
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...(options.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: options.tls }),
      Connector: SentinelHostConnector as unknown as typeof HostConnector,
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
