import type { RedisClient } from './connect.ts';

const ttlMs = 10_000;

/**
 * Resolves if the queue's Redis takes writes. A PING does not tell: a Redis whose memory or disk is full answers it, and refuses
 * every log-in.
 */
export async function probeRedis(client: RedisClient): Promise<void> {
  await client.set('wafer:probe', '1', 'PX', ttlMs);
}
