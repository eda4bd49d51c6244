import test, { type ExecutionContext } from 'ava';
import type { Redis } from 'ioredis';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { listenToChanges } from '../../../shared/session/change-channel.ts';
import { createSessionCache } from '../../../shared/session/session-cache.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { openRedis } from '../../support/open-redis.ts';

const onClose = closeAfterAll(test);
const redis = await startTestRedis({ onClose });
const writer = connectRedis(parseRedisUrl(redis.url), 'commands');
await whenReady(writer, AbortSignal.timeout(5000));
onClose(async () => writer.disconnect());
const { mark } = createSessionCache(writer);
const listener = async (t: ExecutionContext, url = redis.url) => {
  const subscriber = connectRedis(parseRedisUrl(url), 'changes') as Redis;
  const commands = connectRedis(parseRedisUrl(url), 'commands') as Redis;
  t.teardown(() => {
    subscriber.disconnect();
    commands.disconnect();
  });
  await whenReady(commands, AbortSignal.timeout(5000));
  const heard: string[] = [];
  let losses = 0;
  const changes = listenToChanges(
    subscriber,
    commands,
    (id) => void heard.push(id),
    () => losses++,
  );
  t.teardown(() => changes.close());
  await until('changes are heard', () => changes.isTrusted());
  return { changes, subscriber, commands, heard, losses: () => losses, cache: createSessionCache(commands) };
};

test('who has read a session hears of its change, others hear nothing', async (t) => {
  const [reader, other] = [await listener(t), await listener(t)];
  await reader.cache.find('read');
  await other.cache.find('else');
  await mark(['read']);
  await until('the reader hears', () => reader.heard.length > 0);
  await mark(['else']);
  await until('the other one hears', () => other.heard.length > 0);
  t.deepEqual([reader.heard, other.heard], [['read'], ['else']]);
});

test('a change between two reads is told, and so is the next one', async (t) => {
  const { cache, heard } = await listener(t);
  for (const times of [1, 2, 3]) {
    await cache.find('often');
    await cache.withdraw(['often'], await cache.mark(['often']));
    await until('it is told', () => heard.length >= times);
  }
  t.deepEqual([...new Set(heard)], ['often']);
});

test('what is no news of Redis is a loss, and what is no beat is none', async (t) => {
  const { changes, commands, losses } = await listener(t);
  const before = losses();
  await writer.publish('__redis__:invalidate', 'x');
  await until('it counts as a loss', () => losses() > before);
  for (const channel of (await commands.pubsub('CHANNELS', 'wafer:beat:*')) as string[])
    for (const beat of ['x', '', 'NaN', '-1']) await writer.publish(channel, beat);
  await until('the next beats count', () => changes.isTrusted());
  t.pass();
});

test.serial('FLUSHALL is a loss of everything', async (t) => {
  const { cache, commands, losses } = await listener(t);
  await cache.find('any');
  const before = losses();
  await commands.flushall();
  await until('it is told', () => losses() > before);
  t.pass();
});

for (const which of ['subscriber', 'commands'] as const) {
  test.serial(`nothing is trusted from a break of the connection ${which} to the next news`, async (t) => {
    const { changes, heard, losses, cache, ...connections } = await listener(t);
    await cache.find('broken');
    const before = losses();
    const reconnected = new Promise((resolve) => connections[which].once('close', resolve));
    connections[which].disconnect(true);
    await reconnected;
    t.false(changes.isTrusted());
    await until('it is trusted again', () => changes.isTrusted());
    t.true(losses() > before);
    await cache.find('broken');
    await mark(['broken']);
    await until('changes are told again', () => heard.includes('broken'));
  });
}

test('where a user may not ask for it every change is heard by all', async (t) => {
  const admin = openRedis(redis.url);
  t.teardown(() => admin.disconnect());
  await admin.call('ACL', 'SETUSER', 'plain', 'on', '>plain-password', '~*', '&*', '+@all', '-client|tracking');
  const url = redis.url.replace('redis://', 'redis://plain:plain-password@');
  const [hearer, told] = [await listener(t, url), await listener(t)];
  await mark(['announced']);
  await until('it is heard', () => hearer.heard.includes('announced'));
  t.deepEqual(told.heard, []);
});
