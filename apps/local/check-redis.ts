import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { describeRedisReason, nameNodes } from '../../shared/redis/failure.ts';
import { probeRedis } from '../../shared/redis/probe.ts';

const limitMs = 5000;

/** Throws with the reason if web and worker could not use this Redis: they would wait for it for ever. */
export async function checkRedis(redisUrl: string): Promise<void> {
  const address = parseRedisUrl(redisUrl);
  let reason = `nothing within ${limitMs} ms`;
  const onError = (error: Error) => {
    reason = error.message;
  };
  const client = connectRedis(address, 'commands', { onError, commandTimeoutMs: limitMs });
  try {
    await whenReady(client, AbortSignal.timeout(limitMs));
    await probeRedis(client).catch((error: Error) => {
      reason = error.message;
      throw error;
    });
  } catch (error) {
    throw new Error(
      `Redis at ${nameNodes(address)} can not be used: ${describeRedisReason(reason)} (${reason}). Correct REDIS_URL, or leave it out for a private Redis.`,
      { cause: error },
    );
  } finally {
    client.disconnect();
  }
}
