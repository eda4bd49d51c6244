import { Cluster } from 'ioredis';
import { createGrouper } from '../grouper.ts';
import { createBreaker } from './breaker.ts';
import type { RedisClient } from './connect.ts';

/** Gives the value of a key, or null. */
export type KeyReader = (key: string) => Promise<string | null>;

/** Redis answers others in between. */
const maxKeysPerRead = 100;

/**
 * Reads single keys, many at once where many are asked for: what a command costs is mostly the command. While Redis does not answer,
 * reads fail at once.
 */
export function createKeyReader(client: RedisClient): KeyReader {
  const breaker = createBreaker();
  // The keys of a command must share a slot, which these do not.
  if (client instanceof Cluster) return (key) => breaker.run(() => client.get(key));
  return createGrouper<string, string | null>(maxKeysPerRead, (keys) => breaker.run(() => client.mget(keys)));
}
