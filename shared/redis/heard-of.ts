import type { RedisClient } from './connect.ts';

/** Clocks of two processes are never so far apart, since both go by Redis's. */
const aheadMs = 60_000;

/**
 * Notes in a sorted set that a process was heard of now, and forgets who was not for so long. A time to come is none that a process of ours
 * writes: it would never leave.
 */
export async function noteHeardOf(
  client: RedisClient,
  key: string,
  instance: string,
  { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number },
): Promise<void> {
  await client.zadd(key, nowMs, instance);
  await client.zremrangebyscore(key, '-inf', nowMs - keptMs);
  await client.zremrangebyscore(key, nowMs + aheadMs, '+inf');
}
