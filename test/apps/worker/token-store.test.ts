import test from 'ava';
import { createTokenStore } from '../../../apps/worker/wechat/token-store.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { connectTestRedis } from '../../support/redis-client.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const store = createTokenStore(client);
const token = (version: string) => ({ sealed: `sealed ${version}`, version });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('one asker gets the right to fetch, the others wait until there is a token', async (t) => {
  t.deepEqual(await store.take('one', 'a', 5000), { kind: 'fetch', current: undefined });
  t.deepEqual(await store.take('one', 'b', 5000), { kind: 'wait' });
  await store.save('one', 'b', token('stolen'), 60_000, 30_000);
  t.deepEqual(await store.take('one', 'b', 5000), { kind: 'wait' }, 'it is not b who may save');
  await store.save('one', 'a', token('v1'), 60_000, 30_000);
  t.deepEqual(await store.take('one', 'b', 5000), { kind: 'token', token: token('v1') });
  const ttlMs = await client.pttl('wafer:token:one');
  t.true(ttlMs > 50_000 && ttlMs <= 60_000);
});

test('the right ends: an asker that died holds up nobody for long', async (t) => {
  await store.take('dead', 'a', 50);
  await pause(60);
  t.deepEqual(await store.take('dead', 'b', 5000), { kind: 'fetch', current: undefined });
  await store.save('dead', 'a', token('late'), 60_000, 30_000);
  t.deepEqual(await store.take('dead', 'c', 5000), { kind: 'wait' });
});

test('at the renewal one fetches and the others go on with the token before', async (t) => {
  await store.take('renew', 'a', 5000);
  await store.save('renew', 'a', token('v1'), 60_000, 0);
  t.deepEqual(await store.take('renew', 'b', 5000), { kind: 'fetch', current: token('v1') });
  t.deepEqual(await store.take('renew', 'c', 5000), { kind: 'token', token: token('v1') });
  await store.fail('renew', 'b', 'sealed failure');
  t.deepEqual(await store.take('renew', 'c', 5000), { kind: 'token', token: token('v1') }, 'not again at once');
});

test('a failure is told for a second to all who have no token', async (t) => {
  await store.take('fails', 'a', 5000);
  await store.fail('fails', 'b', 'of another');
  t.deepEqual(await store.take('fails', 'c', 5000), { kind: 'wait' });
  await store.fail('fails', 'a', 'sealed failure');
  t.deepEqual(await store.take('fails', 'c', 5000), { kind: 'failed', sealedFailure: 'sealed failure' });
  await pause(1050);
  t.deepEqual(await store.take('fails', 'c', 5000), { kind: 'fetch', current: undefined });
});

test('only the refused token is forgotten, never the one that came after it', async (t) => {
  await store.take('forget', 'a', 5000);
  await store.save('forget', 'a', token('v1'), 60_000, 30_000);
  await store.forget('forget', 'v0');
  t.deepEqual(await store.take('forget', 'b', 5000), { kind: 'token', token: token('v1') });
  await store.forget('forget', 'v1');
  t.deepEqual(await store.take('forget', 'b', 5000), { kind: 'fetch', current: undefined });
});

test('a token that has ended is no token', async (t) => {
  await store.take('ended', 'a', 5000);
  await store.save('ended', 'a', token('v1'), 40, 30);
  await pause(60);
  t.deepEqual(await store.take('ended', 'b', 5000), { kind: 'fetch', current: undefined });
});
