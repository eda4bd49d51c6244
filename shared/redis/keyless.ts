import type { RedisClient } from './connect.ts';
import type { RedisClock } from './clock.ts';
import { noteHeardOf } from './heard-of.ts';

const keylessKey = 'wafer:keyless';
/** As for a presence: two missed beats and a bit. */
const countsMs = 12_000;

/** Notes, for front ends to tell, that this worker can't read a secret for want of a key. To be repeated every few seconds. */
export async function noteKeyless(client: RedisClient, clock: RedisClock, instance: string): Promise<void> {
  await noteHeardOf(client, keylessKey, instance, { nowMs: Math.floor(clock.nowMs()), keptMs: countsMs });
}

export async function forgetKeyless(client: RedisClient, instance: string): Promise<void> {
  await client.zrem(keylessKey, instance);
}

/** @throws when Redis does not answer */
export async function countKeyless(client: RedisClient, clock: RedisClock): Promise<number> {
  return client.zcount(keylessKey, Math.floor(clock.nowMs() - countsMs), '+inf');
}
