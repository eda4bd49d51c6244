import { Cluster } from 'ioredis';
import type { RedisClient } from './connect.ts';

/**
 * The name of a channel for those who use the same database of a Redis. Pub/sub knows no database numbers: what one environment
 * publishes is heard by all that share the server.
 */
export function channelOf(client: RedisClient, name: string): string {
  const db = client instanceof Cluster ? 0 : (client.options.db ?? 0);
  return db === 0 ? name : `${name}@${db}`;
}
