import test from 'ava';
import { Redis } from 'ioredis';
import { checkRedis } from '../../../apps/local/check-redis.ts';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { startTestRedis } from '../../support/redis-server.ts';

test('npm start names a Redis that it can not use, and why, without its password', async (t) => {
  const port = await findFreePort();
  await t.throwsAsync(checkRedis(`redis://:hidden@127.0.0.1:${port}`), {
    message: new RegExp(`^Redis at 127.0.0.1:${port} can not be used: nothing listens there`),
  });
  const redis = await startTestRedis({ onClose: t.teardown.bind(t) });
  await t.notThrowsAsync(checkRedis(redis.url));
  const client = new Redis(redis.url);
  await client.config('SET', 'requirepass', 'hidden');
  client.disconnect();
  await t.throwsAsync(checkRedis(redis.url), { message: /it wants a password, and none is given/ });
  const refused = await t.throwsAsync(checkRedis(`redis://:wrong-one@127.0.0.1:${redis.port}`), {
    message: /it refuses the user or the password/,
  });
  t.false(refused?.message.includes('wrong-one'));
});
