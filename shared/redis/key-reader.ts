import { Cluster } from 'ioredis';
import { createGrouper } from '../async/grouper.ts';
import { createFailFast } from './fail-fast.ts';
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
  const failFast = createFailFast();
  // The keys of a command must share a slot, which these do not.
  if (client instanceof Cluster) return (key) => failFast.run(() => client.get(key));
  return createGrouper<string, string | null>(maxKeysPerRead, (keys) => failFast.run(() => client.mget(keys)));
}
