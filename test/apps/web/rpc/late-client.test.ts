import test from 'ava';
import { createLateRpcClient } from '../../../../apps/web/rpc/late-client.ts';
import { RpcError, type RpcClient } from '../../../../apps/web/rpc/client.ts';

const options = { shardKey: '1', timeoutMs: 1000, requestId: 'id' };
const logout = { row: 1, id: 'a', skeyHash: 'b' };

/** Answers everything at once, and notes what it was asked. */
function createClient() {
  const seen: string[] = [];
  const client = {
    call: async (name: string, _request: unknown, { requestId }: { requestId: string }) => {
      seen.push(`${name} ${requestId}`);
      return 'answer';
    },
    waiting: () => 7,
    close: async () => void seen.push('closed'),
  } as unknown as RpcClient;
  return { client, seen };
}

test('a call that comes before the client is open is sent when it opens', async (t) => {
  const { client, seen } = createClient();
  const late = createLateRpcClient(60_000);
  t.false(late.isOpen());
  t.is(late.waiting(), 0);
  const answer = late.call('logout', logout, options);
  t.deepEqual(seen, []);

  late.open(client);

  t.is(await answer, 'answer' as never);
  t.is(await late.call('logout', logout, { ...options, requestId: 'next' }), 'answer' as never);
  t.deepEqual(seen, ['logout id', 'logout next']);
  t.true(late.isOpen());
  t.is(late.waiting(), 7);
  await late.close();
  t.is(seen.at(-1), 'closed');
});

test('a call fails with store_unavailable when the client does not open in time', async (t) => {
  const { client, seen } = createClient();
  const late = createLateRpcClient(1);
  const keepAlive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(keepAlive));

  const error = await t.throwsAsync(late.call('logout', logout, options), { instanceOf: RpcError });

  t.is(error?.reason, 'store_unavailable');
  late.open(client);
  t.deepEqual(seen, [], 'what failed is not sent later');
  await late.call('logout', logout, options);
  t.is(seen.length, 1);
});

test('a client that never opened closes', async (t) => {
  const late = createLateRpcClient(1);
  await late.close();
  t.false(late.isOpen());
});
