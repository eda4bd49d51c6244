import test from 'ava';
import { Cluster } from 'ioredis';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectRedis } from '../../../shared/redis/connect.ts';
import { startTestRedisCluster } from '../../support/redis-cluster.ts';
import { startTestRedis } from '../../support/redis-server.ts';

for (const [what, start] of [
  ['a single Redis', startTestRedis],
  ['a Redis Cluster', startTestRedisCluster],
] as const) {
  test(`a connection that BullMQ has made after ours ends with it: ${what}`, async (t) => {
    const redis = await start({ onClose: t.teardown.bind(t) });
    const ours = connectRedis(parseRedisUrl(redis.url), 'blocking');
    const copy = ours instanceof Cluster ? ours.duplicate() : ours.duplicate();
    t.teardown(() => copy.disconnect());
    await new Promise((resolve) => copy.once('ready', resolve));
    const hasEnded = new Promise((resolve) => copy.once('end', resolve));
    ours.disconnect();
    await hasEnded;
    t.is(copy.status, 'end');
  });
}
