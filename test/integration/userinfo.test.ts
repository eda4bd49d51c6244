import { createCipheriv } from 'node:crypto';

import test, { type ExecutionContext } from 'ava';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { createUser, createUserData, encryptWithIv } from '../../apps/wechat-simulator/users.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { updateProfile } from '../../apps/worker/store/update-profile.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack, testAppid, type TestStack } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack: TestStack = await startStack({ onClose, webs: 2 });
const [url, secondUrl] = stack.urls as [string, string];
const admin = connectRedis(stack.config.redis.queue, 'subscriber');
const clock = createRedisClock(admin);
onClose(async () => {
  clock.close();
  admin.disconnect();
});

const nowSeconds = () => Math.floor(Date.now() / 1000);
const watermark = (age = 0, appid = testAppid) => ({ appid, timestamp: nowSeconds() - age });
const seal = (user: string, profile: object) => encryptWithIv(createUser(testAppid, user).sessionKey, profile);
const logInWithCode = async (user: string) =>
  (await call(url, 'qcloud.cam.id_skey', { code: `${user}~${Math.random()}` })).returnData;
const update = (session: object, para: object) => call(url, 'qcloud.cam.userinfo', { ...session, ...para });
const anonymous = { nickName: '微信用户', gender: 0, language: '', city: '', province: '', country: '' };
const authsAs = async (t: ExecutionContext, session: { id: string; skey: string }, nickName: string) => {
  for (const web of stack.urls) t.is((await auth(web, session)).returnData.user_info.nickName, nickName);
};

test.serial('every front end answers the profile of userinfo at once', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  await authsAs(t, session, '');
  const profile = { nickName: 'Ada/Ä🐼', big: 1, gender: 2, more: {}, watermark: watermark() };
  const { openid: openId } = createUser(testAppid, user);
  const answer = await update(session, seal(user, profile));
  t.is(answer.returnMessage, 'USERINFO_SUCCESS');
  t.deepEqual(answer.returnData, { user_info: { ...profile, openId } });
  t.is((await update(session, seal(user, profile))).text, answer.text, 'again, with nothing to change');
  const statements = await stack.database.countStatements(() => authsAs(t, session, profile.nickName));
  t.deepEqual(
    statements.filter(({ table }) => table === 'cSessionInfo'),
    [],
    'the cache has it',
  );
  await clearCache(admin, admin, clock);
  await authsAs(t, session, profile.nickName);
});

test.serial('number spelling and key order of a profile survive', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const text = `{"nickName":"x","n":9007199254740993,"e":1E2,"9":1,"1":2,"watermark":${JSON.stringify(watermark())}}`;
  const { sessionKey, openid } = createUser(testAppid, user);
  const { iv } = encryptWithIv(sessionKey, 0);
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'));
  const raw = cipher.update(text, 'utf8', 'base64') + cipher.final('base64');
  const completed = `{"user_info":${text.slice(0, -1)},"openId":"${openid}"}}`;
  t.true((await update(session, { encrypt_data: raw, iv })).text.includes(completed));
  t.true((await auth(secondUrl, session)).text.includes(completed));
});

test.serial('an anonymous profile never overwrites a real one, but a real one overwrites it', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const answer = await update(session, seal(user, { ...anonymous, watermark: watermark() }));
  t.is(answer.returnData.user_info.nickName, '微信用户');
  await authsAs(t, session, '微信用户');
  await update(session, seal(user, { nickName: 'Real', watermark: watermark() }));
  await authsAs(t, session, 'Real');
  const again = await update(session, seal(user, { ...anonymous, watermark: watermark() }));
  t.is(again.returnMessage, 'USERINFO_SUCCESS');
  t.is(again.returnData.user_info.nickName, '微信用户', 'the answer is what was decrypted');
  await authsAs(t, session, 'Real');
  t.is((await call(url, 'qcloud.cam.id_skey', { code: `${user}~z` })).returnData.user_info.nickName, 'Real');
});

test.serial('data that do not decrypt for this app and user are 60021', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const good = seal(user, { nickName: 'good', watermark: watermark() });
  const { openid } = createUser(testAppid, user);
  const bad: [string, object][] = [
    ['user_data_not_decrypted', { ...good, encrypt_data: 'AAAA' }],
    ['user_data_not_decrypted', { ...good, iv: 'old' }],
    ['user_data_not_decrypted', { encrypt_data: 5, iv: {} }],
    ['user_data_not_decrypted', seal(newUser(), { nickName: 'x', watermark: watermark() })],
    ['user_data_not_decrypted', seal(user, { nickName: 'x', watermark: watermark(0, 'wxother') })],
    ['user_data_not_decrypted', seal(user, { nickName: 'x' })],
    ['other_user', seal(user, { nickName: 'x', openId: `${openid}x`, watermark: watermark() })],
    ['other_user', seal(user, { nickName: 'x', openId: openid.toUpperCase(), watermark: watermark() })],
    ['signature_wrong', { ...good, rawData: '{}', signature: 'a'.repeat(40) }],
    ['signature_wrong', { ...good, signature: 'a'.repeat(40) }],
    ['signature_wrong', { ...good, rawData: '{}', signature: 1 }],
  ];
  for (const [reason, para] of bad) {
    const answer = await update(session, para);
    t.deepEqual([answer.returnCode, answer.returnMessage, answer.reason], [60021, 'DECRYPT_FAIL', reason]);
    t.is(answer.returnData, '');
  }
  await authsAs(t, session, '');
  const { rawData, signature, ...data } = createUserData(testAppid, user);
  t.is((await update(session, { ...data, rawData, signature })).returnMessage, 'USERINFO_SUCCESS');
});

test.serial('a missing parameter is 1003, a wrong session 60012, an unknown app 1012', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const data = seal(user, { nickName: 'x', watermark: watermark() });
  for (const name of ['id', 'skey', 'encrypt_data', 'iv'])
    t.is((await update({}, { ...session, ...data, [name]: null })).returnCode, 1003);
  t.is((await update(session, { ...data, skey: 'wrong' })).returnCode, 60012);
  t.is((await update(session, { ...data, id: 'wrong' })).returnCode, 60012);
  t.is((await update(session, { ...data, appid: 'wxnope' })).returnCode, 1012);
  await login(url, `${user}~again`);
  t.is((await update(session, data)).returnCode, 60012, 'the session of before the last log-in');
});

test.serial('with an age window older user data is refused, at userinfo and at the log-in', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const old = () => seal(user, { nickName: 'old', watermark: watermark(120) });
  t.is((await update(session, old())).returnCode, 0, 'off by default');
  await stack.database.query('update cAppinfo set watermark_max_age_seconds = 60');
  await clearCache(admin, admin, clock);
  for (const data of [old(), seal(user, { nickName: 'x', watermark: { appid: testAppid } })]) {
    const answer = await update(session, data);
    t.deepEqual([answer.returnMessage, answer.reason], ['DECRYPT_FAIL', 'user_data_too_old']);
  }
  t.is((await update(session, seal(user, { nickName: 'new', watermark: watermark(50) }))).returnCode, 0);
  const answer = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1`, ...old() });
  t.deepEqual([answer.returnCode, answer.reason], [60021, 'user_data_too_old']);
  await authsAs(t, session, 'new');
  await stack.database.query('update cAppinfo set watermark_max_age_seconds = null');
  await clearCache(admin, admin, clock);
});

test.serial('a log-in with a wrong signature is 60021 and writes nothing', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  const { rawData, signature, encrypt_data, iv } = createUserData(testAppid, user);
  const logIn = (para: object) => call(url, 'qcloud.cam.id_skey', { code: `${user}~${Math.random()}`, ...para });
  const wrong = [
    { encrypt_data, iv, rawData, signature: signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
    { encrypt_data, iv, signature },
    { encrypt_data, iv, rawData: `${rawData} `, signature },
    { rawData: 'x', signature },
  ];
  for (const para of wrong) {
    const answer = await logIn(para);
    t.deepEqual([answer.returnMessage, answer.reason], ['DECRYPT_FAIL', 'signature_wrong']);
  }
  t.is((await auth(url, session)).returnCode, 0, 'the session before is still valid');
  t.is((await logIn({ encrypt_data, iv, rawData, signature })).returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.is((await logIn({ rawData, signature: signature.toUpperCase() })).returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.is((await logIn({ rawData })).returnMessage, 'UPDATE_SESSION_SUCCESS', 'nothing to check without a signature');
});

test.serial('a failed or unknown write is 1006, and no front end answers an older state', async (t) => {
  const user = newUser();
  const session = await logInWithCode(user);
  await authsAs(t, session, '');
  stack.database.cut();
  const answer = await update(session, seal(user, { nickName: 'cut', watermark: watermark() }));
  t.deepEqual([answer.returnCode, answer.reason], [1001, 'store_unavailable'], 'the key can not be read');
  stack.database.restore();
  // Readable, but not writable.
  await stack.database.query(
    `create trigger refuse before update on cSessionInfo for each row signal sqlstate '45000' set message_text = 'no'`,
  );
  const refused = await update(session, seal(user, { nickName: 'refused', watermark: watermark() }));
  t.deepEqual([refused.returnCode, refused.reason], [1006, 'store_unavailable']);
  await stack.database.query('drop trigger refuse');
  t.regex((await admin.get(`wafer:s:${session.id}`)) ?? '', /^W /, 'the mark stays');
  await stack.database.query('update cSessionInfo set user_info = ? where uuid = ?', [
    Buffer.from('{"nickName":"late"}').toString('base64'),
    session.id,
  ]);
  await authsAs(t, session, 'late');
});

test.serial('a profile does not go into a row that a log-in has written since it was read', async (t) => {
  const session = await logInWithCode(newUser());
  const rowOf = async () =>
    (
      await stack.database.query<{ id: number; fence: number; user_info: string }>(
        'select id, fence, user_info from cSessionInfo where uuid = ?',
        [session.id],
      )
    )[0] as { id: number; fence: number; user_info: string };
  const sequelize = openDatabase(stack.config.database.primary, stack.config.database);
  const { id: row, fence, user_info: before } = await rowOf();
  const nowUs = Date.now() * 1000;
  const write = (fenceOfRow: number, made: number) =>
    updateProfile(sequelize, { row, fence: fenceOfRow }, { text: '{}', unionId: '', fence: made }, nowUs);
  t.is(await write(fence - 1, nowUs), 'overtaken');
  t.is(await write(fence, fence - 1), 'older', 'than the profile that the log-in brought');
  t.is((await rowOf()).user_info, before);
  t.is(await write(fence, nowUs), 'written');
  t.is((await rowOf()).user_info, 'e30=');
  await sequelize.close();
});

test.serial('cache and MySQL agree after profile updates and log-ins at once', async (t) => {
  await stack.database.query('update cAppinfo set grace_seconds = 60');
  await clearCache(admin, admin, clock);
  const user = newUser();
  let session = await logInWithCode(user);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all([
      call(url, 'qcloud.cam.id_skey', { code: `${user}~${round}` }),
      ...[0, 1, 2].map((count) =>
        update(session, seal(user, { nickName: `${round}.${count}`, watermark: watermark() })),
      ),
    ]);
    t.true(answers.every(({ returnCode }) => returnCode === 0));
    session = answers[0]?.returnData;
    const [row] = await stack.database.query<{ user_info: string; skey: string }>(
      'select user_info, skey from cSessionInfo where uuid = ?',
      [session.id],
    );
    const stored = JSON.parse(Buffer.from(row?.user_info ?? '', 'base64').toString()) as { nickName: string };
    t.is(row?.skey, session.skey);
    await authsAs(t, session, stored.nickName);
  }
});
