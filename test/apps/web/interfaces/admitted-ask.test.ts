import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { createAdmittedAsk } from '../../../../apps/web/interfaces/admitted-ask.ts';
import { succeed } from '../../../../shared/protocol/outcome.ts';
import { RpcError } from '../../../../apps/web/rpc/client.ts';

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

/** One user's session, of which WeChat is asked as often as it goes while it does not answer. */
function createStalledWechat() {
  const never = new Promise<never>(() => undefined);
  const refused: string[] = [];
  const answer = async () => succeed('LOGOUT_SUCCESS', '{}');
  const admitted = createAdmittedAsk(
    (name) => (name === 'logout' ? answer() : never),
    { loginDeadlineMs: 8000, loginsPerApp: 0 },
    (queue, reason) => refused.push(`${queue} ${reason}`),
  );
  const options = { timeoutMs: 8000, requestId: 'r', shardKey: 'k' };
  const about = { row: 1, skeyHash: 'h' };
  return {
    refused,
    flood: (name: 'encryptKey' | 'checkSession' | 'resetKey' | 'phone', appid: string) => {
      for (let time = 0; time < 600; time++) admitted.ask(name, { ...about, appid }, options).catch(() => undefined);
    },
    logOut: (appid: string) => admitted.ask('logout', { ...about, id: 'i', appid }, options),
  };
}

test('calls that wait for WeChat leave places to log-outs of their app and of others', async (t) => {
  for (const name of ['encryptKey', 'checkSession', 'resetKey', 'phone'] as const) {
    const { flood, logOut, refused } = createStalledWechat();
    flood(name, 'one');
    await setImmediate();
    t.true(refused.length > 300, name);
    for (const appid of ['one', 'two']) t.true((await logOut(appid)).ok, name);
  }
});

test('log-outs of one app do not take the places of another’s', async (t) => {
  const waiting: string[] = [];
  const admitted = createAdmittedAsk(
    (_name, request) => {
      waiting.push((request as { appid: string }).appid);
      return new Promise<never>(() => undefined);
    },
    { loginDeadlineMs: 8000, loginsPerApp: 0 },
    () => undefined,
  );
  const options = { timeoutMs: 5000, requestId: 'r', shardKey: 'k' };
  const logOut = (appid: string) =>
    admitted.ask('logout', { row: 1, id: 'i', skeyHash: 'h', appid }, options).catch(() => undefined);
  for (let time = 0; time < 600; time++) void logOut('one');
  await setImmediate();
  void logOut('two');
  await setImmediate();
  t.is(waiting.filter((appid) => appid === 'two').length, 1);
});
