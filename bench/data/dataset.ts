import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import type { Session } from '../../shared/session/session.ts';
import type { RequestSource } from '../load/source.ts';
import type { Progress } from '../report/progress.ts';
import { benchAppid, type Stack } from '../stack/stack.ts';
import { createRandom, createZipf, shuffled } from './draws.ts';
import { peerFormats, type PeerFormatName } from './peer-formats.ts';
import { cacheEntryOf, credentialsOf, fillRedis, insertSessions, readAllSessions } from './sessions.ts';
import { createAuthSource, createCookieSource, createForwardAuthSource, createLoginSource } from './sources.ts';

/** Sessions in both stores, and the requests that name them. Everything is made at its first use. */
export interface Dataset {
  readonly sessionCount: number;
  sessions(): Promise<readonly Session[]>;
  /** What the sessions take, measured while they were loaded. */
  sizes(): Promise<{ redisBytesPerSession: number; mysqlBytesPerSession: number }>;
  zipf(): Promise<RequestSource>;
  even(): Promise<RequestSource>;
  /** As `zipf`, by forward auth. */
  zipfForwardAuth(): Promise<RequestSource>;
  /** Evenly drawn checks in the way of a peer, whose entries are put into Redis. */
  peer(name: PeerFormatName): Promise<RequestSource>;
  logins(): Promise<RequestSource>;
}

/** Zipf draws are repeated after this many. */
const zipfDraws = 500_000;

export function createDataset(
  stack: Stack,
  { sessionCount, users }: { sessionCount: number; users: number },
  progress: Progress,
): Dataset {
  const order = once(async () => shuffled(sessionCount, createRandom(1)));
  const loaded = once(async () => {
    await insertSessions(stack.databaseUrl, sessionCount, progress.counter('sessions into MySQL', sessionCount));
    const mysqlBytes = await measureTable(stack.databaseUrl);
    const sessions = await readAllSessions(
      stack.databaseUrl,
      sessionCount,
      progress.counter('sessions read back', sessionCount),
    );
    const before = await measureRedis(stack.redisUrl);
    const counter = progress.counter('sessions into Redis', sessionCount);
    const entryOf = (index: number) => cacheEntryOf(credentialsOf(index).id, sessions[index] as Session);
    await fillRedis(stack.redisUrl, sessionCount, entryOf, counter);
    return {
      sessions,
      redisBytesPerSession: ((await measureRedis(stack.redisUrl)) - before) / sessionCount,
      mysqlBytesPerSession: mysqlBytes / sessionCount,
    };
  });
  const drawZipf = () => Uint32Array.from({ length: zipfDraws }, createZipf(sessionCount, createRandom(2)));
  const fillPeer = async (name: PeerFormatName) => {
    const { sessions } = await loaded();
    const { entryOf } = peerFormats[name];
    const counter = progress.counter(`sessions of ${name} into Redis`, sessionCount);
    const stored = (index: number) => ({
      ...credentialsOf(index),
      userInfoJson: (sessions[index] as Session).userInfoJson,
    });
    await fillRedis(stack.redisUrl, sessionCount, (index) => entryOf(stored(index)), counter);
  };
  const even = once(async () => {
    await loaded();
    return createAuthSource(stack.dir, 'even', await order());
  });
  const peers = new Map<PeerFormatName, Promise<RequestSource>>();
  const createPeerSource = async (name: PeerFormatName) => {
    await fillPeer(name);
    const { cookieOf } = peerFormats[name];
    return cookieOf === undefined ? even() : createCookieSource(stack.dir, name, await order(), cookieOf);
  };
  return {
    sessionCount,
    sessions: async () => (await loaded()).sessions,
    sizes: loaded,
    zipf: once(async () => {
      await loaded();
      return createAuthSource(stack.dir, 'zipf', drawZipf());
    }),
    zipfForwardAuth: once(async () => {
      await loaded();
      return createForwardAuthSource(stack.dir, 'zipf', drawZipf());
    }),
    even,
    async peer(name) {
      const known = peers.get(name) ?? createPeerSource(name);
      peers.set(name, known);
      return known;
    },
    logins: once(async () => createLoginSource(stack.dir, users, benchAppid)),
  };
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}

async function measureRedis(url: string): Promise<number> {
  const redis = new Redis(url);
  const info = await redis.info('memory');
  await redis.quit();
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}

/** Data and indexes of the sessions' table, in bytes. */
async function measureTable(databaseUrl: string): Promise<number> {
  const connection = await createConnection(databaseUrl);
  await connection.query('analyze table cSessionInfo');
  const [rows] = await connection.query(
    `select data_length + index_length bytes from information_schema.tables
     where table_schema = database() and table_name = 'cSessionInfo'`,
  );
  await connection.end();
  return Number((rows as { bytes: number }[])[0]?.bytes);
}
