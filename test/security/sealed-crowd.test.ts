import test from 'ava';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { profileText, sealText } from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';

// What one user sends many times at once: data, log-ins, codes.
const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
async function logIn(name = newUser()) {
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: `${name}~1` });
  return { name, session: session as { id: string; skey: string }, user: createUser(testAppid, name) };
}
const atOnce = <Result>(count: number, run: (at: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));

test.serial('a user with one try left holds no place that calls of others need', async (t) => {
  const { session, user } = await logIn();
  for (let count = 0; count < 29; count++) {
    const junk = sealText(user.sessionKey, 'no JSON');
    t.is((await call(url, 'qcloud.cam.decrypt', { ...session, ...junk })).returnCode, 60021);
  }
  const others = await atOnce(20, () => logIn());
  const good = sealText(user.sessionKey, profileText(user.openid, 'x', testAppid));
  const flood = atOnce(900, () => call(url, 'qcloud.cam.decrypt', { ...session, ...good }));
  const answers = await atOnce(others.length, async (at) => {
    const { returnMessage, reason } = await call(url, 'qcloud.cam.logout', others[at]?.session);
    return `${returnMessage} ${reason}`;
  });
  t.deepEqual([...new Set(answers)], ['LOGOUT_SUCCESS null']);
  const told = new Set((await flood).map(({ returnMessage, reason }) => `${returnMessage} ${reason}`));
  t.true(told.has('DECRYPT_SUCCESS null'), [...told].join());
  t.true(told.has('GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL too_many_at_once'), [...told].join());
});

test.serial('of many log-ins of a user at once no more than thirty are tried', async (t) => {
  // WeChat keeps them all for a moment, so that they are under way together.
  const name = `slow300x${newUser()}`;
  const { sessionKey } = createUser(testAppid, name);
  const answers = await atOnce(150, () =>
    call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}`, ...sealText(sessionKey, 'no JSON') }),
  );
  const reasons = answers.map(({ reason }) => reason);
  t.is(reasons.filter((reason) => reason === 'user_data_not_decrypted').length, 30, reasons.join());
  t.true(reasons.includes('too_many_failures'));
});

test.serial('of a user’s phone codes in a minute WeChat is asked about twenty', async (t) => {
  const { session } = await logIn();
  const other = await logIn();
  const asked = () => stack.wechat?.stats().paths['/wxa/business/getuserphonenumber'] ?? 0;
  const answers = await atOnce(60, (at) =>
    call(url, 'qcloud.cam.phone', { ...session, code: `bad~${at}~${newUser()}` }),
  );
  t.is(asked(), 20);
  const limited = answers.filter(({ reason }) => reason === 'limited');
  t.is(limited.length, 40);
  t.true(limited.every(({ returnCode, returnMessage }) => returnCode === 40029 && returnMessage === 'WEIXIN_CODE_ERR'));
  const honest = await call(url, 'qcloud.cam.phone', { ...other.session, code: `${other.name}~p` });
  t.is(honest.returnMessage, 'PHONE_SUCCESS');
});
