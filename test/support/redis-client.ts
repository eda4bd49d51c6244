import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { connectRedis, whenReady, type RedisClient } from '../../shared/redis/connect.ts';
import type { OnClose } from './closing.ts';
import { startTestRedis } from './redis-server.ts';

/** A client, as our processes have it, of a Redis of one's own, that is ready. Both end with the test. */
export async function connectTestRedis(onClose: OnClose): Promise<{ url: string; client: RedisClient }> {
  const redis = await startTestRedis();
  const client = connectRedis(parseRedisUrl(redis.url), 'commands');
  onClose(async () => {
    client.disconnect();
    await redis.close();
  });
  await whenReady(client, AbortSignal.timeout(5000));
  return { url: redis.url, client };
}
