import test from 'ava';
import { createAdmittedAsk } from '../../../apps/web/interfaces/admitted-ask.ts';
import { succeed } from '../../../shared/protocol/outcome.ts';
import { RpcError } from '../../../apps/web/rpc/client.ts';

test('log-ins are limited for each app and caller, those without a key together', async (t) => {
  const { ask } = createAdmittedAsk(
    async () => succeed('NEW_SESSION_SUCCESS', '{}'),
    { loginDeadlineMs: 5000, loginsPerApp: 3 },
    () => undefined,
  );
  const letIn = async (appid: string, caller?: string): Promise<number> => {
    let count = 0;
    for (let time = 0; time < 5; time++) {
      const request = { appid, code: 'c', ...(caller === undefined ? {} : { caller }) };
      try {
        await ask('login', request, { timeoutMs: 5000, requestId: 'r', shardKey: 'k' });
        count++;
      } catch (error) {
        t.true(error instanceof RpcError && error.reason === 'limited');
      }
    }
    return count;
  };
  t.is(await letIn('one', 'flood'), 3);
  t.is(await letIn('one', 'other'), 3);
  t.is(await letIn('one'), 3);
  t.is(await letIn('one'), 0);
  t.is(await letIn('two', 'flood'), 3);
});
