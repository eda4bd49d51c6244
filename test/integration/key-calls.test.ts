import { createHmac } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { createUser, encryptKeysOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser, type Answer } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { startTestWechat } from '../support/wechat.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const path = '/wxa/business/getuserencryptkey';

async function logIn(web = url) {
  const name = newUser();
  const { returnData: session } = await login(web, name);
  return { session: session as { id: string; skey: string }, ...createUser(testAppid, name) };
}
const sign = (session: object, para: object) => call(url, 'qcloud.cam.sign', { ...session, ...para });
const encryptKey = async (session: object, web = url): Promise<Answer> => {
  const answer = await call(web, 'qcloud.cam.encryptkey', session);
  const { key_info_list: keys = [] } = (answer.returnData || {}) as { key_info_list?: { encrypt_key: string }[] };
  for (const { encrypt_key: key } of keys) noteSecret('encryption key', key);
  return answer;
};
const outcome = ({ returnCode, returnMessage, reason, returnData }: Answer) => [
  returnCode,
  returnMessage,
  reason,
  returnData,
];
const setApp = async (t: ExecutionContext, ...options: string[]) => {
  const run = await runCli(stack.env, ['app', 'set', testAppid, ...options, '--json']);
  t.is(run.status, 0, run.stderr);
  return run.json;
};
const notAllowed = [1014, 'NOT_ALLOWED', 'sign_off', ''];

test.serial('nothing is signed unless the app allows it, and no more once it does not', async (t) => {
  const { session } = await logIn();
  t.deepEqual(outcome(await sign(session, { data: 'x' })), notAllowed);
  t.true((await setApp(t, '--allow-sign')).allowsSign);
  t.is((await sign(session, { data: 'x' })).returnMessage, 'SIGN_SUCCESS');
  t.regex((await runCli(stack.env, ['app', 'list'])).stdout, /signs data/);
  t.is((await setApp(t, '--no-allow-sign')).allowsSign, undefined);
  t.deepEqual(outcome(await sign(session, { data: 'x' })), notAllowed);
  t.notRegex((await runCli(stack.env, ['app', 'list'])).stdout, /signs data/);
});

test.serial('data is signed byte for byte with the session_key', async (t) => {
  await setApp(t, '--allow-sign');
  const { session, sessionKey } = await logIn();
  const order = '{"offerId":"123","buyQuantity":1,"env":0,"productId":"小/\\u5c0f","attach":"\\"😀\\""}';
  for (const data of [order, ' ', '\n', '0', '\u0000', 'x'.repeat(4096), '€'.repeat(1365)]) {
    const { returnMessage, returnData } = await sign(session, { data });
    t.is(returnMessage, 'SIGN_SUCCESS');
    const signature = createHmac('sha256', sessionKey).update(Buffer.from(data, 'utf8')).digest('hex');
    t.deepEqual(returnData, { signature });
  }
});

test.serial('empty data is refused: its signature opens checksession and resetkey', async (t) => {
  await setApp(t, '--allow-sign');
  const { session } = await logIn();
  const refused = (reason: string | null) => [1003, 'PARA_ERR', reason, ''];
  t.deepEqual(outcome(await sign(session, { data: '' })), refused('data_empty'));
  t.deepEqual(outcome(await sign(session, { data: 'x'.repeat(4097) })), refused('data_too_long'));
  t.deepEqual(outcome(await sign(session, { data: '€'.repeat(1366) })), refused('data_too_long'));
  for (const data of [0, false, [], {}, ['']])
    t.deepEqual(outcome(await sign(session, { data })), refused('data_invalid'));
  for (const para of [{}, { data: null }]) t.deepEqual(outcome(await sign(session, para)), refused(null));
  t.is((await sign({ ...session, skey: 'wrong' }, { data: 'x' })).returnCode, 60012);
  t.is((await sign({ ...session, appid: 'wxnope' }, { data: 'x' })).returnCode, 1012);
});

test.serial('encryptkey answers the keys as WeChat has them', async (t) => {
  const { session, openid } = await logIn();
  const answer = await encryptKey(session);
  t.is(answer.returnMessage, 'ENCRYPTKEY_SUCCESS');
  t.deepEqual(Object.keys(answer.returnData), ['key_info_list']);
  const shown = (keys: { encrypt_key: string; iv: string; version: number }[]) =>
    keys.map(({ encrypt_key, iv, version }) => [encrypt_key, iv, version]);
  t.deepEqual(shown(answer.returnData.key_info_list), shown(encryptKeysOf(testAppid, openid)));
  t.is(stack.wechat?.stats().paths[path], 1);
  t.is((await encryptKey({ ...session, skey: 'wrong' })).returnCode, 60012);
  t.is((await encryptKey({ id: session.id })).returnCode, 1003);
});

test.serial('encryptkey with a key that is not live any more is refused as resetkey is', async (t) => {
  const { session, openid } = await logIn();
  await stack.database.query('update cSessionInfo set session_key = ? where open_id = ?', ['c3RhbGU=', openid]);
  const stale = outcome(await encryptKey(session));
  t.deepEqual(stale, [40029, 'WEIXIN_CODE_ERR', 'wechat:87009', '']);
  t.deepEqual(stale, outcome(await call(url, 'qcloud.cam.resetkey', session)));
});

test.serial('encryptkey tells other errcodes, and asks a busy WeChat once more', async (t) => {
  const { session } = await logIn();
  stack.wechat?.fail(path, 40003, 1);
  t.deepEqual(outcome(await encryptKey(session)), [40029, 'WEIXIN_CODE_ERR', 'wechat:40003', '']);
  stack.wechat?.fail(path, -1, 1);
  t.is((await encryptKey(session)).returnMessage, 'ENCRYPTKEY_SUCCESS');
  stack.wechat?.fail(path, -1, 2);
  t.deepEqual(outcome(await encryptKey(session)), [40029, 'WEIXIN_CODE_ERR', 'wechat:-1', '']);
  stack.wechat?.endTokens();
  t.is((await encryptKey(session)).returnMessage, 'ENCRYPTKEY_SUCCESS');
});

test.serial('calls about one user that ask WeChat are limited, for himself alone', async (t) => {
  const { session } = await logIn();
  const calls = ['encryptkey', 'checksession', 'resetkey'] as const;
  const answers = [];
  for (let time = 0; time < 63; time++) answers.push(await call(url, `qcloud.cam.${calls[time % 3] ?? ''}`, session));
  t.deepEqual(
    answers.map(({ returnCode }) => returnCode),
    [...Array.from({ length: 60 }, () => 0), 40029, 40029, 40029],
  );
  for (const answer of answers.slice(60)) t.deepEqual(outcome(answer), [40029, 'WEIXIN_CODE_ERR', 'limited', '']);
  t.is((await encryptKey((await logIn()).session)).returnCode, 0);
});

test('encryptkey works at a WeChat that follows its document, too', async (t) => {
  const wechat = await startTestWechat({ onClose: t.teardown, encryptKeyMethod: 'GET' });
  const documented = await startStack({ onClose: t.teardown, env: { WECHAT_API_BASE: wechat.url } });
  const [web] = documented.urls;
  const { session } = await logIn(web);
  const answer = await encryptKey(session, web);
  t.is(answer.returnMessage, 'ENCRYPTKEY_SUCCESS');
  t.is(answer.returnData.key_info_list.length, 3);
});
