import test from 'ava';
import type { Redis } from 'ioredis';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectRedis } from '../../../shared/redis/connect.ts';
import { startTestRedis } from '../../support/redis-server.ts';

test('a connection that BullMQ has made after ours ends with it', async (t) => {
  const redis = await startTestRedis({ onClose: t.teardown.bind(t) });
  const ours = connectRedis(parseRedisUrl(redis.url), 'blocking') as Redis;
  const copy = ours.duplicate();
  t.teardown(() => copy.disconnect());
  await new Promise((resolve) => copy.once('ready', resolve));
  const hasEnded = new Promise((resolve) => copy.once('end', resolve));
  ours.disconnect();
  await hasEnded;
  t.is(copy.status, 'end');
});
