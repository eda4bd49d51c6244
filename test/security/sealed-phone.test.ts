import test from 'ava';
import { createUser, phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { forgeByNickName, profileText, sealText } from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
async function logIn() {
  const name = newUser();
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: `${name}~1` });
  const user = createUser(testAppid, name);
  const ask = (interfaceName: string, text: string) =>
    call(url, `qcloud.cam.${interfaceName}`, { ...session, ...sealText(user.sessionKey, text) });
  return { name, session, user, ask };
}

const watermark = { timestamp: 1, appid: testAppid };
const numbers = { phoneNumber: '13800138000', purePhoneNumber: '13800138000', countryCode: '86' };
const good = { ...numbers, watermark };

test.serial('phone data are exactly WeChat’s fields, in digits, with numbers that agree', async (t) => {
  const { ask } = await logIn();
  for (const info of [
    good,
    { watermark, ...numbers },
    { ...good, phoneNumber: '+8613800138000' },
    { ...good, phoneNumber: '8613800138000' },
  ]) {
    const answer = await ask('phone', JSON.stringify(info));
    t.deepEqual([answer.returnMessage, answer.returnData], ['PHONE_SUCCESS', { phone_info: info }]);
  }
});

const text = JSON.stringify(good);
const bad: readonly string[] = [
  JSON.stringify({ phoneNumber: '13800138000', watermark }),
  JSON.stringify({ ...good, gender: 1 }),
  JSON.stringify({ ...good, nickName: 'x' }),
  JSON.stringify({ ...good, phoneNumber: '13900139000' }),
  JSON.stringify({ ...good, phoneNumber: '+4413800138000' }),
  JSON.stringify({ ...good, phoneNumber: 13_800_138_000, purePhoneNumber: 13_800_138_000 }),
  JSON.stringify({ ...good, phoneNumber: '13800138ooo', purePhoneNumber: '13800138ooo' }),
  JSON.stringify({ ...good, phoneNumber: '138', purePhoneNumber: '138' }),
  JSON.stringify({ ...good, phoneNumber: '１３８００１３８０００', purePhoneNumber: '１３８００１３８０００' }),
  JSON.stringify({ ...good, countryCode: 86 }),
  JSON.stringify({ ...good, countryCode: '' }),
  JSON.stringify({ ...good, watermark: { ...watermark, more: 1 } }),
  JSON.stringify({ ...good, watermark: { appid: testAppid } }),
  JSON.stringify({ ...good, watermark: { ...watermark, timestamp: '1' } }),
  text.replace('{', '{"phoneNumber":"13900139000",'),
  text.replace('"timestamp"', '"appid":"wxother","timestamp"'),
  JSON.stringify([good]),
  profileText('o', 'x', testAppid),
];

test.serial('data of any other shape are no phone number, for phone and for decrypt', async (t) => {
  const first = await logIn();
  t.is((await first.ask('decrypt', text)).returnData, text);
  for (const document of bad) {
    const { ask } = await logIn();
    const answer = await ask('phone', document);
    t.deepEqual([answer.returnCode, answer.returnMessage, answer.returnData], [60021, 'DECRYPT_FAIL', ''], document);
    const decrypted = await ask('decrypt', document);
    t.is(decrypted.returnMessage, 'GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL', document);
  }
});

test.serial('a number cut out of a nickname is no phone number', async (t) => {
  const { session, user } = await logIn();
  const data = forgeByNickName(user, testAppid, '{"phoneNumber":"', '13800138000');
  for (const interfaceName of ['phone', 'decrypt', 'userinfo']) {
    const answer = await call(url, `qcloud.cam.${interfaceName}`, { ...session, ...data });
    t.is(answer.returnCode, 60021, answer.text);
    t.false(answer.text.includes('13800138000'));
  }
});

test.serial('phone data are no profile, at userinfo and at a log-in', async (t) => {
  const { name, session, user, ask } = await logIn();
  const mixed = JSON.stringify({ ...JSON.parse(profileText(user.openid, 'x', testAppid)), phoneNumber: '1' });
  for (const document of [text, mixed]) {
    t.is((await ask('userinfo', document)).returnCode, 60021);
    const data = sealText(user.sessionKey, document);
    t.is((await call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}`, ...data })).returnCode, 60021);
  }
  t.is((await call(url, 'qcloud.cam.auth', session)).returnData.user_info.nickName, '');
});

test.serial('an app can do without phone data: then a code alone gives a number', async (t) => {
  const { name, session, ask } = await logIn();
  const set = (option: string) => runCli(stack.env, ['app', 'set', testAppid, option, '--json']);
  t.true((await set('--no-phone-data')).json.refusesPhoneData);
  const refused = await ask('phone', text);
  t.deepEqual([refused.returnCode, refused.returnMessage, refused.reason], [60021, 'DECRYPT_FAIL', 'phone_data_off']);
  t.is((await ask('decrypt', text)).returnCode, 60021);
  t.is((await ask('decrypt', JSON.stringify({ openGId: 'x', watermark }))).returnCode, 0);
  const { phoneNumber } = phoneInfoOf(testAppid, name);
  const answer = await call(url, 'qcloud.cam.phone', { ...session, code: `${name}~phone` });
  t.is(answer.returnData.phone_info.phoneNumber, phoneNumber);
  t.is((await set('--phone-data')).json.refusesPhoneData, undefined);
  t.is((await ask('phone', text)).returnCode, 0);
});
