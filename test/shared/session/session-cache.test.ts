import test from 'ava';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';
import type { Session } from '../../../shared/session/session.ts';
import {
  createSessionCache,
  type CacheLookup,
  type Seen,
  type WriteMark,
} from '../../../shared/session/session-cache.ts';
import { changeChannel } from '../../../shared/session/change-channel.ts';
import { cachedSessionPrefix } from '../../../shared/session/cache-key.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { monitorRedis } from '../../support/redis-monitor.ts';
import { connectTestRedis } from '../../support/redis-client.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const { url, client } = await connectTestRedis(onClose);
const cache = createSessionCache(client);
const session = (fence: number): Session => ({
  row: 1,
  appid: 'wx',
  openId: 'o',
  unionId: '',
  skeyHash: `hash${fence}`,
  createTime: 1,
  lastVisitTime: 1,
  fence,
  userInfoJson: 'null',
});
const fenceOf = (lookup: CacheLookup) => lookup.session?.fence;
const isMarked = async (id: string) => {
  const found = await cache.find(id);
  return found.session === undefined && found.marked;
};

test('a writer alone publishes what it has written', async (t) => {
  const mark = await cache.mark(['alone']);
  t.true(await isMarked('alone'));
  t.is(await cache.lease('alone'), undefined);
  await cache.publish('alone', mark, session(1));
  t.is(fenceOf(await cache.find('alone')), 1);
});

test('of two writers at once neither publishes', async (t) => {
  for (const [id, order] of [
    ['ab', ['first', 'second']],
    ['ba', ['second', 'first']],
  ] as const) {
    const marks = { first: await cache.mark([id]), second: await cache.mark([id]) };
    for (const [index, name] of order.entries()) {
      t.true(await isMarked(id));
      await cache.publish(id, marks[name], session(index));
    }
    t.deepEqual(await cache.find(id), { marked: false });
    t.truthy(await cache.lease(id));
  }
});

test('a writer that comes while another is about it leaves the mark of the first alone', async (t) => {
  const first = await cache.mark(['nested']);
  const second = await cache.mark(['nested']);
  await cache.withdraw(['nested'], second);
  t.true(await isMarked('nested'), 'a reader could otherwise put the old row in here');
  t.is(await cache.lease('nested'), undefined);
  await cache.publish('nested', first, session(1));
  t.deepEqual(await cache.find('nested'), { marked: false });
});

test('a writer of whom nothing is heard again keeps the mark until it ends by itself', async (t) => {
  await cache.mark(['lost']);
  const second = await cache.mark(['lost']);
  await cache.publish('lost', second, session(2));
  t.true(await isMarked('lost'));
  const ttlMs = await client.pttl(`${cachedSessionPrefix}lost`);
  t.true(ttlMs > 20_000 && ttlMs <= 30_000);
});

for (const end of ['publish', 'withdraw'] as const) {
  const finish = (id: string, mark: WriteMark) =>
    end === 'publish' ? cache.publish(id, mark, session(2)) : cache.withdraw([id], mark);

  test(`a change whose mark Redis has lost leaves nothing of before it: ${end}`, async (t) => {
    const ids = ['nothing', 'leased', 'filled'].map((what) => `${end}-${what}`);
    const [nothing, leased, filled] = ids as [string, string, string];
    const told: string[] = [];
    const subscriber = connectRedis(parseRedisUrl(url), 'subscriber');
    t.teardown(() => subscriber.disconnect());
    subscriber.on('message', (_, name: string) => ids.includes(name) && told.push(name));
    await subscriber.subscribe(changeChannel);
    const mark = await cache.mark(ids);
    for (const id of ids) await client.del(`${cachedSessionPrefix}${id}`);
    const lease = (await cache.lease(leased)) as Seen;
    await cache.fill(filled, (await cache.lease(filled)) as Seen, session(1));
    t.is(fenceOf(await cache.find(filled)), 1);
    told.length = 0;
    for (const id of ids) await finish(id, mark);
    await cache.fill(leased, lease, session(1));
    for (const id of ids) t.deepEqual(await cache.find(id), { marked: false }, id);
    await until('front ends are told', () => told.length === 3);
    t.deepEqual(told, [nothing, leased, filled]);
  });

  test(`another writer in the place of a lost mark publishes nothing: ${end}`, async (t) => {
    const id = `${end}-overtaken`;
    const first = await cache.mark([id]);
    await client.del(`${cachedSessionPrefix}${id}`);
    const second = await cache.mark([id]);
    await finish(id, first);
    t.true(await isMarked(id), 'the second has not ended');
    t.true((await client.pttl(`${cachedSessionPrefix}${id}`)) > 20_000);
    const third = await cache.mark([id]);
    await cache.publish(id, second, session(3));
    t.true(await isMarked(id));
    await cache.publish(id, third, session(3));
    t.deepEqual(await cache.find(id), { marked: false });
  });
}

test('what was begun before Redis lost something counts as cached before it', async (t) => {
  const ids = ['leased', 'found', 'introduced', 'marked'].map((what) => `begun-${what}`);
  const [leased, found, introduced, marked] = ids as [string, string, string, string];
  const lease = (await cache.lease(leased)) as Seen;
  await cache.fill(found, (await cache.lease(found)) as Seen, session(1));
  const { seen } = (await cache.find(found)) as { seen: Seen };
  const introduction = await cache.introduce(introduced);
  const mark = await cache.mark([marked]);
  const since = Math.floor(Date.now() / 1000);
  await until('a second is over', () => Date.now() / 1000 > since + 1);
  await cache.fill(leased, lease, session(2));
  await cache.fill(found, seen, session(2));
  await introduction?.store(session(2));
  await cache.publish(marked, mark, session(2));
  const later = createSessionCache(client, () => since);
  for (const id of ids) {
    t.is(fenceOf(await cache.find(id)), 2);
    t.is(fenceOf(await later.find(id)), undefined, id);
  }
});

test('the end of a change is told to Redis again if the connection is down just then', async (t) => {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port), onClose });
  const writing = connectRedis(parseRedisUrl(`redis://127.0.0.1:${proxy.port}`), 'commands');
  onClose(async () => writing.disconnect());
  await whenReady(writing, AbortSignal.timeout(5000));
  const writer = createSessionCache(writing);
  const mark = await writer.mark(['cut']);
  await client.del(`${cachedSessionPrefix}cut`);
  await cache.fill('cut', (await cache.lease('cut')) as Seen, session(1));
  await proxy.refuse();
  await until('it is down', () => writing.status !== 'ready');
  const ending = writer.withdraw(['cut'], mark);
  await proxy.pass();
  await ending;
  t.deepEqual(await cache.find('cut'), { marked: false });
});

test('a mark stays small however many writers there are, and then nobody clears it', async (t) => {
  const marks = [];
  for (let count = 0; count < 400; count++) marks.push(await cache.mark(['many']));
  t.true(((await client.get(`${cachedSessionPrefix}many`)) ?? '').length < 2100);
  for (const mark of marks) await cache.withdraw(['many'], mark);
  t.true(await isMarked('many'));
});

test('a mark clears entries and leases for good', async (t) => {
  const lease = (await cache.lease('fill')) as Seen;
  const mark = await cache.mark(['fill']);
  await cache.fill('fill', lease, session(1));
  t.true(await isMarked('fill'));
  await cache.publish('fill', mark, session(2));
  const { seen } = (await cache.find('fill')) as { seen: Seen };
  const next = await cache.mark(['fill']);
  await cache.fill('fill', seen, session(1));
  await cache.drop('fill', seen);
  t.true(await isMarked('fill'));
  await cache.withdraw(['fill'], next);
  t.deepEqual(await cache.find('fill'), { marked: false });
});

test('new sessions that are written together are one command', async (t) => {
  const introductions = new Map([
    ['new-1', await cache.introduce('new-1')],
    ['new-2', await cache.introduce('new-2')],
  ]);
  const commands = await monitorRedis(url, async () => {
    const store = async (id: string) => {
      const introduced = introductions.get(id)?.store(session(1));
      await Promise.resolve();
      await client.set(`answer to ${id}`, '');
      await introduced;
    };
    await Promise.all(['new-1', 'new-2'].map(store));
  });
  const own = commands.filter(({ args }) => args.some((arg) => arg.includes('new-')));
  t.deepEqual(
    own.map(({ name }) => name),
    ['eval', 'set', 'set'],
  );
  for (const id of ['new-1', 'new-2']) {
    t.is(fenceOf(await cache.find(id)), 1);
    t.true((await client.pttl(`${cachedSessionPrefix}${id}`)) > 70_000_000);
  }
});

test('a new session never comes over what is there already', async (t) => {
  const [ended, other] = await Promise.all(['ended', 'other'].map((id) => cache.introduce(id)));
  const mark = await cache.mark(['ended']);
  await Promise.all([ended?.store(session(1)), other?.store(session(1))]);
  t.is(await cache.introduce('ended'), undefined);
  t.true(await isMarked('ended'));
  t.is(fenceOf(await cache.find('other')), 1);
  await cache.withdraw(['ended'], mark);
});

test('a new session that was ended does not come back, however late it arrives', async (t) => {
  const introduction = await cache.introduce('late');
  await cache.withdraw(['late'], await cache.mark(['late']));
  await introduction?.store(session(1));
  t.deepEqual(await cache.find('late'), { marked: false });
});

test('a new session is not stored if Redis does not give its place soon', async (t) => {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port), onClose });
  const stalled = connectRedis(parseRedisUrl(`redis://127.0.0.1:${proxy.port}`), 'commands');
  onClose(async () => stalled.disconnect());
  await whenReady(stalled, AbortSignal.timeout(5000));
  await proxy.delay(1000);
  t.is(await createSessionCache(stalled).introduce('stalled'), undefined);
  // It may be given for a moment after that, and is of no use to anybody.
  await until('the place is given', async () => (await client.exists(`${cachedSessionPrefix}stalled`)) === 1);
  t.is(fenceOf(await cache.find('stalled')), undefined);
  t.true((await client.pttl(`${cachedSessionPrefix}stalled`)) <= 5000);
});
