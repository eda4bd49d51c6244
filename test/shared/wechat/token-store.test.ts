import test from 'ava';
import { createTokenStore } from '../../../shared/wechat/token-store.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { connectTestRedis } from '../../support/redis-client.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const store = createTokenStore(client);
const token = (version: string) => ({ sealed: `sealed ${version}`, version });
/** Without the time that is left, which is Redis's. */
const take = async (...args: Parameters<typeof store.take>): Promise<object> => {
  const taken = await store.take(...args);
  if (taken.kind === 'token') return { kind: taken.kind, token: taken.token };
  return taken.kind === 'fetch' ? { ...taken, current: taken.current?.token } : taken;
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('one asker gets the right to fetch, the others wait until there is a token', async (t) => {
  t.deepEqual(await take('one', 'a', 5000), { kind: 'fetch', current: undefined });
  t.deepEqual(await take('one', 'b', 5000), { kind: 'wait' });
  await store.save('one', 'b', token('stolen'), 60_000, 30_000);
  t.deepEqual(await take('one', 'b', 5000), { kind: 'wait' }, 'it is not b who may save');
  await store.save('one', 'a', token('v1'), 60_000, 30_000);
  t.deepEqual(await take('one', 'b', 5000), { kind: 'token', token: token('v1') });
  const ttlMs = await client.pttl('wafer:token:one');
  t.true(ttlMs > 50_000 && ttlMs <= 60_000);
});

test('an asker that died holds up nobody for long', async (t) => {
  await take('dead', 'a', 50);
  await pause(60);
  t.deepEqual(await take('dead', 'b', 5000), { kind: 'fetch', current: undefined });
  await store.save('dead', 'a', token('late'), 60_000, 30_000);
  t.deepEqual(await take('dead', 'c', 5000), { kind: 'wait' });
});

test('at the renewal one fetches and the others go on with the token before', async (t) => {
  await take('renew', 'a', 5000);
  await store.save('renew', 'a', token('v1'), 60_000, 0);
  t.deepEqual(await take('renew', 'b', 5000), { kind: 'fetch', current: token('v1') });
  t.deepEqual(await take('renew', 'c', 5000), { kind: 'token', token: token('v1') });
  await store.fail('renew', 'b', 'sealed failure');
  t.deepEqual(await take('renew', 'c', 5000), { kind: 'token', token: token('v1') }, 'not again at once');
});

test('a failure is told for a second to all who have no token', async (t) => {
  await take('fails', 'a', 5000);
  await store.fail('fails', 'b', 'of another');
  t.deepEqual(await take('fails', 'c', 5000), { kind: 'wait' });
  await store.fail('fails', 'a', 'sealed failure');
  t.deepEqual(await take('fails', 'c', 5000), { kind: 'failed', sealedFailure: 'sealed failure' });
  await pause(1050);
  t.deepEqual(await take('fails', 'c', 5000), { kind: 'fetch', current: undefined });
});

test('only the refused token is forgotten, never the one that came after it', async (t) => {
  await take('forget', 'a', 5000);
  await store.save('forget', 'a', token('v1'), 60_000, 30_000);
  await store.forget('forget', 'v0');
  t.deepEqual(await take('forget', 'b', 5000), { kind: 'token', token: token('v1') });
  await store.forget('forget', 'v1');
  t.deepEqual(await take('forget', 'b', 5000), { kind: 'fetch', current: undefined });
});

test('a token that has ended is no token', async (t) => {
  await take('ended', 'a', 5000);
  await store.save('ended', 'a', token('v1'), 40, 30);
  await pause(60);
  t.deepEqual(await take('ended', 'b', 5000), { kind: 'fetch', current: undefined });
});

test('the store tells how long a token lives and which one was refused', async (t) => {
  await store.take('left', 'a', 5000);
  await store.save('left', 'a', token('v1'), 60_000, 30_000);
  const taken = await store.take('left', 'b', 5000);
  t.true(taken.kind === 'token' && taken.leftMs > 50_000 && taken.leftMs <= 60_000);
  const seen = await store.look('left');
  t.true(seen !== undefined && seen.renewInMs > 20_000 && seen.renewInMs <= 30_000);
  await store.forget('left', 'v1', 'hash');
  t.is(await store.look('left'), undefined);
  t.deepEqual(await store.take('left', 'b', 5000), { kind: 'fetch', current: undefined, refused: 'hash' });
  await store.replace('left', token('v2'), 60_000, 30_000);
  await store.save('left', 'b', token('late'), 60_000, 30_000);
  t.deepEqual(await take('left', 'b', 5000), { kind: 'token', token: token('v2') }, 'a fetch from before is late');
});
