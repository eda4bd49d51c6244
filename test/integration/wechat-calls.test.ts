import test from 'ava';
import { createUser, encryptWithIv, phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { recordRedis } from '../support/redis-traffic.ts';
import { startStack, testAppid, type TestStack } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';
import { openRedis } from '../support/open-redis.ts';

const onClose = closeAfterAll(test);
let hold: ((path: string) => Promise<void> | undefined) | undefined;
const wechat = await startTestWechat({ onClose, onRequest: (path) => hold?.(path) });
const stack: TestStack = await startStack({
  onClose,
  webs: 2,
  workers: 2,
  env: { WECHAT_API_BASE: wechat.url, WECHAT_TIMEOUT_MS: '1000', LOGIN_DEADLINE_MS: '4000' },
});
const [url, secondUrl] = stack.urls as [string, string];
const phonePath = '/wxa/business/getuserphonenumber';
const calls = (path: string) => wechat.stats().paths[path] ?? 0;
const callsOfCode = (code: string) => wechat.stats().codes[code] ?? 0;
const phone = (session: object, para: object, web = url) => call(web, 'qcloud.cam.phone', { ...session, ...para });
const check = (session: object) => call(url, 'qcloud.cam.checksession', session);
const reset = (session: object) => call(url, 'qcloud.cam.resetkey', session);

test.serial('phone turns a code into the number, with all fields of WeChat', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const answer = await phone(session, { code: `${user}~phone` });
  t.is(answer.returnMessage, 'PHONE_SUCCESS');
  const { watermark, ...expected } = phoneInfoOf(testAppid, user);
  const { watermark: given, ...fields } = answer.returnData.phone_info;
  t.deepEqual(fields, expected);
  t.is(given.appid, watermark.appid);
  t.deepEqual(Object.keys(answer.returnData), ['phone_info']);
});

test.serial('a phone code is sent once, and anybody else who brings it gets 40029', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const { returnData: other } = await login(url, newUser());
  const code = `${user}~once`;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => phone(session, { code }, stack.urls[index % 2])),
  );
  t.is(new Set(answers.map(({ text }) => text)).size, 1);
  t.is(answers[0]?.returnMessage, 'PHONE_SUCCESS');
  const taken = await phone(other, { code });
  t.deepEqual([taken.returnCode, taken.reason, taken.returnData], [40029, 'code_used', '']);
  t.is(callsOfCode(code), 1);
});

test.serial('phone answers each failure of WeChat with its own code', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const cases: [string, number, string][] = [
    ['bad', 40029, 'wechat:40029'],
    ['blocked', 40029, 'wechat:40226'],
    ['net', 1005, 'wechat_http_500'],
    ['slow3000', 1005, 'wechat_timeout'],
    ['garbage', 1007, 'wechat_answer_invalid'],
    ['empty', 1007, 'wechat_answer_invalid'],
  ];
  for (const [word, returnCode, reason] of cases) {
    const code = `${word}~${newUser()}`;
    const answer = await phone(session, { code });
    t.deepEqual([answer.returnCode, answer.reason, answer.returnData], [returnCode, reason, ''], word);
    // Nobody knows whether the code is spent, so it is not sent again.
    t.is((await phone(session, { code })).text, answer.text);
    t.is(callsOfCode(code), 1);
  }
});

test.serial('a busy WeChat is asked once more', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const once = `busy1~${newUser()}`;
  t.is((await phone(session, { code: once })).returnMessage, 'PHONE_SUCCESS');
  t.is(callsOfCode(once), 2);
  const twice = `busy2~${newUser()}`;
  const answer = await phone(session, { code: twice });
  t.deepEqual([answer.returnCode, answer.reason], [40029, 'wechat:-1']);
  t.is(callsOfCode(twice), 2);
});

test.serial('phone refuses missing parameters and invalid sessions', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  for (const para of [{}, { encrypt_data: 'x' }, { iv: 'x' }, { code: null, iv: 'x' }])
    t.is((await phone(session, para)).returnCode, 1003);
  for (const code of ['', 5, {}]) {
    const answer = await phone(session, { code });
    t.deepEqual([answer.returnCode, answer.reason], [40029, 'code_empty']);
  }
  const before = calls(phonePath);
  t.is((await phone({ ...session, skey: 'wrong' }, { code: `${user}~x` })).returnCode, 60012);
  t.is((await phone({ ...session, appid: 'wxnope' }, { code: `${user}~x` })).returnCode, 1012);
  t.is(calls(phonePath), before);
});

test.serial('phone decrypts what older clients send, for this app alone', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const { sessionKey } = createUser(testAppid, user);
  const info = phoneInfoOf(testAppid, user);
  const answer = await phone(session, encryptWithIv(sessionKey, info));
  t.is(answer.returnMessage, 'PHONE_SUCCESS');
  t.deepEqual(answer.returnData, { phone_info: info });
  const other = { ...info, watermark: { ...info.watermark, appid: 'wxother' } };
  for (const data of [encryptWithIv(sessionKey, other), { encrypt_data: 'AAAA', iv: 'AAAA' }]) {
    const refused = await phone(session, data);
    t.deepEqual([refused.returnCode, refused.returnMessage], [60021, 'DECRYPT_FAIL']);
  }
});

test.serial('a phone code is not sent again after its worker died', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const code = `slow100~${newUser()}`;
  t.is((await phone(session, { code })).returnCode, 0);
  // As after the death of the asker: claimed, without an outcome.
  const redis = openRedis(stack.redis?.url);
  for (const key of await redis.keys('wafer:phone:*')) await redis.hdel(key, 'outcome');
  const answer = await phone(session, { code });
  redis.disconnect();
  t.deepEqual([answer.returnCode, answer.reason], [1005, 'exchange_interrupted']);
  t.is(callsOfCode(code), 1);
});

test.serial('checksession tells whether the stored key is live; resetkey renews and stores it', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const { openid, sessionKey } = createUser(testAppid, user);
  const storedKey = async () =>
    (
      await stack.database.query<{ session_key: string }>('select session_key from cSessionInfo where uuid = ?', [
        session.id,
      ])
    )[0]?.session_key;
  t.is((await check(session)).text.includes('"CHECKSESSION_SUCCESS","returnData":{"valid":true}'), true);
  const answer = await reset(session);
  t.is(answer.returnMessage, 'RESETKEY_SUCCESS');
  t.deepEqual(answer.returnData, {});
  const renewed = await storedKey();
  t.not(renewed, sessionKey);
  t.deepEqual((await check(session)).returnData, { valid: true });
  // The mini program encrypts with the new key from now on.
  const sent = (await (
    await fetch(`${wechat.url}/_sim/userdata?${new URLSearchParams({ code: user, appid: testAppid }).toString()}`)
  ).json()) as object;
  t.is((await call(url, 'qcloud.cam.userinfo', { ...session, ...sent })).returnMessage, 'USERINFO_SUCCESS');
  // Somebody else renewed it: ours is dead.
  await stack.database.query('update cSessionInfo set session_key = ? where open_id = ?', [sessionKey, openid]);
  t.deepEqual((await check(session)).returnData, { valid: false });
  const dead = await reset(session);
  t.deepEqual([dead.returnCode, dead.reason], [40029, 'wechat:87009']);
  t.is(await storedKey(), sessionKey);
  for (const name of ['checksession', 'resetkey']) {
    t.is((await call(url, `qcloud.cam.${name}`, { ...session, skey: 'wrong' })).returnCode, 60012);
    t.is((await call(url, `qcloud.cam.${name}`, { id: session.id })).returnCode, 1003);
  }
  t.is((await auth(url, session)).returnCode, 0);
});

test.serial('a renewed key goes to every row of the user that has the old one', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const { openid, sessionKey } = createUser(testAppid, user);
  const insert = `insert into cSessionInfo set uuid = ?, skey = 'x', create_time = now(), last_visit_time = now(),
    open_id = ?, session_key = ?, user_info = ''`;
  const ids = ['a', 'b', 'c'].map((letter) => `${letter}${user}`) as [string, string, string];
  await stack.database.query(insert, [ids[0], openid, sessionKey]);
  await stack.database.query(insert, [ids[1], openid.toUpperCase(), sessionKey]);
  await stack.database.query(insert, [ids[2], openid, sessionKey.toLowerCase()]);
  t.is((await reset(session)).returnCode, 0);
  const rows = await stack.database.query<{ uuid: string; session_key: string }>(
    'select uuid, session_key from cSessionInfo where uuid in (?) order by uuid',
    [[...ids, session.id]],
  );
  const keys = new Map(rows.map(({ uuid, session_key }) => [uuid, session_key]));
  t.not(keys.get(session.id), sessionKey);
  t.is(keys.get(ids[0]), keys.get(session.id));
  t.is(keys.get(ids[1]), sessionKey);
  t.is(keys.get(ids[2]), sessionKey.toLowerCase());
});

test.serial('a log-in that comes between WeChat and the write keeps its own key', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const { openid } = createUser(testAppid, user);
  let release = () => {};
  hold = (path) =>
    path === '/wxa/resetusersessionkey' ? new Promise<void>((resolve) => (release = resolve)) : undefined;
  const before = calls('/wxa/resetusersessionkey');
  const resetting = reset(session);
  await until('WeChat is asked', () => calls('/wxa/resetusersessionkey') > before);
  await stack.database.query("update cSessionInfo set session_key = 'later' where open_id = ?", [openid]);
  release();
  hold = undefined;
  const answer = await resetting;
  t.deepEqual(
    [answer.returnCode, answer.returnMessage, answer.reason],
    [1006, 'CHANGE_SESSION_ERR', 'session_changed'],
  );
  const rows = await stack.database.query('select id from cSessionInfo where session_key = ? and open_id = ?', [
    'later',
    openid,
  ]);
  t.is(rows.length, 1);
});

test.serial('calls without MySQL are 1001, and 1006 if a renewed key can’t be written', async (t) => {
  const user = newUser();
  const { returnData: session } = await login(url, user);
  t.is((await auth(url, session)).returnCode, 0);
  t.is((await check(session)).returnCode, 0);
  stack.database.cut();
  for (const answer of await Promise.all([check(session), reset(session), phone(session, { code: `${user}~p` })]))
    t.deepEqual([answer.returnCode, answer.reason], [1001, 'store_unavailable']);
  stack.database.restore();
  // A worker that has just failed to reach it does not try again with everybody.
  await until('MySQL is back', async () => (await check(session)).returnCode === 0);
  hold = async (path) => {
    if (path === '/wxa/resetusersessionkey') stack.database.cut();
  };
  const answer = await reset(session);
  t.deepEqual([answer.returnCode, answer.reason], [1006, 'store_unavailable']);
  stack.database.restore();
  // A short cut is waited out.
  hold = undefined;
  await until('MySQL is back', async () => (await check(session)).returnCode === 0);
  const { returnData: next } = await login(url, newUser());
  hold = async (path) => {
    if (path !== '/wxa/resetusersessionkey') return;
    stack.database.cut();
    setTimeout(stack.database.restore, 600);
  };
  t.is((await reset(next)).returnMessage, 'RESETKEY_SUCCESS');
  hold = undefined;
  t.deepEqual((await check(next)).returnData, { valid: true });
});

test.serial('no session_key, access_token or phone number passes through Redis in plain', async (t) => {
  wechat.endTokens();
  const user = newUser();
  let seen: unknown;
  const { phoneNumber } = phoneInfoOf(testAppid, user);
  const text = await recordRedis(stack.redis?.url as string, async () => {
    const { returnData: session } = await login(url, user);
    t.is((await phone(session, { code: `${user}~secret` })).returnData.phone_info.phoneNumber, phoneNumber);
    t.is((await reset(session)).returnCode, 0);
    t.is((await check(session)).returnCode, 0);
    seen = await stack.database.query('select session_key from cSessionInfo where uuid = ?', [session.id]);
  });
  const [{ session_key: renewed }] = seen as [{ session_key: string }];
  t.true(text.includes('wafer:token:'));
  for (const secret of [createUser(testAppid, user).sessionKey, renewed, phoneNumber, 'sim_', `${user}~secret`])
    t.false(text.includes(secret), secret);
  t.true(calls('/cgi-bin/stable_token') >= 2);
});

test.serial('calls fail clearly while Redis is away, and work again afterwards', async (t) => {
  const { returnData: session } = await login(url, newUser());
  t.is((await auth(secondUrl, session)).returnCode, 0);
  const admin = openRedis(stack.redis?.url);
  t.is((await check(session)).returnCode, 0);
  void admin.client('PAUSE', 5500, 'ALL').catch(() => undefined);
  const answers = await Promise.all([check(session), reset(session)]);
  t.deepEqual(
    answers.map(({ returnCode }) => returnCode),
    [1001, 1006],
  );
  admin.disconnect();
  await until('Redis is back', async () => (await check(session)).returnCode === 0);
});
