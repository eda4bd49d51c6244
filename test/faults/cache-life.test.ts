import test from 'ava';
import { watchCacheLife } from '../../apps/web/sessions/cache-life.ts';
import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { isEntry } from '../../shared/session/session.ts';
import { cacheKeyOf } from '../../shared/session/cache-key.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { openRedis } from '../support/open-redis.ts';
import { connectTestRedis } from '../support/redis-client.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

interface Session {
  readonly id: string;
  readonly skey: string;
}

const lifeKey = 'wafer:cache-life';

test.serial('a cache that took over and has forgotten when brings no ended session back', async (t) => {
  const onClose = t.teardown.bind(t);
  const cache = await startTestRedis({ onClose });
  const replica = await startTestRedis({ onClose });
  const now = openRedis(replica.url);
  t.teardown(() => now.disconnect());
  await now.replicaof('127.0.0.1', String(cache.port));
  const proxy = await startTcpProxy({ port: cache.port, onClose });
  const stack = await startStack({ onClose, env: { REDIS_CACHE_URL: `redis://127.0.0.1:${proxy.port}` } });
  const [url] = stack.urls;
  const uptime = async () => Number(/uptime_in_seconds:(\d+)/.exec(await now.info('server'))?.[1]);
  await until('the replica has run for some seconds', async () => (await uptime()) >= 3, 20_000);

  const users = Array.from({ length: 3 }, newUser);
  const sessions: Session[] = [];
  for (const user of users) sessions.push((await login(url, `${user}~1`)).returnData as Session);
  const [kept, out, replaced] = sessions as [Session, Session, Session];
  const keys = sessions.map(({ id }) => cacheKeyOf(id));
  const areCached = async () => (await now.mget(keys)).every((entry) => isEntry(entry ?? ''));
  await until('the replica has their entries', areCached);
  // It lags behind: what comes now it never gets.
  await now.replicaof('NO', 'ONE');
  t.is((await call(url, 'qcloud.cam.logout', out)).returnCode, 0);
  t.is((await login(url, `${users[2]}~2`)).returnCode, 0);
  proxy.lead(replica.port);
  proxy.cut();
  const server = /run_id:(\w+)/.exec(await now.info('server'))?.[1] as string;
  const isNoted = async () => (await now.get(lifeKey))?.startsWith(server);
  await until('it has taken over', isNoted);
  for (const ended of [out, replaced]) t.is((await auth(url, ended)).returnCode, 60012);
  t.true(await areCached(), 'it has what it had then');

  // What an eviction does, to whom was there and to whom comes then.
  const noted = (await now.get(lifeKey)) as string;
  await now.del(lifeKey);
  proxy.cut();
  await until('it is noted again', isNoted);
  t.is(await now.get(lifeKey), noted, 'a process that was there knows it');
  await now.del(lifeKey);
  const young = await stack.addWeb();
  for (const web of [url, young]) {
    t.is((await auth(web, kept)).returnCode, 0);
    for (const ended of [out, replaced]) t.is((await auth(web, ended)).returnCode, 60012);
  }
});

test.serial('a full cache that evicts keeps since when its entries count', async (t) => {
  const { url, client } = await connectTestRedis(t.teardown.bind(t));
  await client.config('SET', 'maxmemory', '8mb');
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const web = connectRedis(parseRedisUrl(url), 'commands');
  t.teardown(() => web.disconnect());
  await whenReady(web, AbortSignal.timeout(5000));
  const life = watchCacheLife(web, 20);
  t.teardown(() => life.close());
  const since = await life.since();
  const noted = await client.get(lifeKey);
  const evicted = async () => Number(/evicted_keys:(\d+)/.exec(await client.info('stats'))?.[1]);
  const entry = 'x'.repeat(500);
  for (let number = 0; (await evicted()) < 100_000;) {
    const batch = client.pipeline();
    for (let each = 0; each < 2000; each++) batch.set(`wafer:s:${number++}`, entry);
    await batch.exec();
  }
  await until('it is there', async () => (await client.get(lifeKey)) !== null);
  t.is(await client.get(lifeKey), noted);
  const other = watchCacheLife(client);
  t.teardown(() => other.close());
  t.is(await other.since(), since);
});

test.serial('of two times from which entries count the later one holds', async (t) => {
  const { url, client } = await connectTestRedis(t.teardown.bind(t));
  const control = openRedis(url);
  t.teardown(() => control.disconnect());
  const life = watchCacheLife(client);
  t.teardown(() => life.close());
  const since = await life.since();
  const noted = (await control.get(lifeKey)) as string;
  await control.set(lifeKey, noted.replace(String(since), String(since - 100)));
  client.disconnect(true);
  await until('the connection is back', async () => (await control.get(lifeKey)) === noted);
  t.is(await life.since(), since);
});

test.serial('a key of another type in the place of that time is replaced', async (t) => {
  const { client } = await connectTestRedis(t.teardown.bind(t));
  await client.sadd(lifeKey, 'x');
  const life = watchCacheLife(client);
  t.teardown(() => life.close());
  const since = await life.since();
  t.true(Number.isSafeInteger(since));
  t.is((await client.get(lifeKey))?.split(' ')[1], String(since));
});
