import test, { type ExecutionContext } from 'ava';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { auth, call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { cutBehindNickName, forgeByNickName, profileText, sealLegacy, sealText } from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 2 });
const [url] = stack.urls;
const admin = connectRedis(stack.config.redis.queue, 'subscriber');
const clock = createRedisClock(admin);
onClose(async () => {
  clock.close();
  admin.disconnect();
});

type User = ReturnType<typeof createUser> & { readonly name: string };
const makeUser = (prefix = ''): User => {
  const name = `${prefix}${newUser()}`;
  return { name, ...createUser(testAppid, name) };
};
const victim = createUser(testAppid, newUser());
const logIn = (user: User, para: object = {}) =>
  call(url, 'qcloud.cam.id_skey', { code: `${user.name}~${newUser()}`, ...para });
const storedOf = async ({ openid }: User) => {
  const rows = await stack.database.query<{ user_info: string; union_id: string | null }>(
    'select user_info, union_id from cSessionInfo where open_id = ?',
    [openid],
  );
  return rows.map((row) => ({ text: Buffer.from(row.user_info, 'base64').toString(), unionId: row.union_id }));
};
const watermark = { appid: testAppid, timestamp: 1 };
const anonymous = { nickName: '微信用户', gender: 0, language: '', city: '', province: '', country: '' };

async function refusesWithIv(t: ExecutionContext, user: User, text: string): Promise<void> {
  const answer = await logIn(user, sealText(user.sessionKey, text));
  t.deepEqual(
    [answer.returnCode, answer.returnMessage, answer.returnData, answer.reason],
    [60021, 'DECRYPT_FAIL', '', 'other_user'],
    text,
  );
}

/** Objects in which somebody finds this value for this name. */
function spellings(field: 'openId' | 'unionId', value: string): string[] {
  const own = `"nickName":"x","watermark":${JSON.stringify(watermark)}`;
  const json = JSON.stringify(value);
  const escaped = field.replace('I', '\\u0049');
  const lower = field.toLowerCase();
  const snake = field.replace('Id', '_id');
  const keys = [field, escaped, lower, lower.toUpperCase(), snake, snake.toUpperCase(), snake.replace('_', '-')];
  const others = [
    `${field[0]?.toUpperCase()}${field.slice(1)}`,
    `${field} `,
    `${field}\\u0000x`,
    field.replace('I', 'ı'),
  ];
  return [
    ...[...keys, ...others].map((key) => `{${own},"${key}":${json}}`),
    `{"user":{"${field}":${json}},${own}}`,
    `{"list":[1,[{"${lower}":${json}}]],${own}}`,
    `{${own},"${field}":[${json}]}`,
    `{${own},"${field}":{"a":${json}}}`,
    `{${own},"${field}":12345}`,
    `{${own},"${field}":true}`,
  ];
}

test.serial('a log-in whose data name another openId is other_user, in any spelling', async (t) => {
  const user = makeUser();
  for (const text of spellings('openId', victim.openid)) await refusesWithIv(t, user, text);
  const both = (first: string, second: string) =>
    `{"openId":"${first}","nickName":"x","openId":"${second}","watermark":${JSON.stringify(watermark)}}`;
  await refusesWithIv(t, user, both(victim.openid, user.openid));
  await refusesWithIv(t, user, both(user.openid, victim.openid));
  t.deepEqual(await storedOf(user), [], 'nothing is written');
  t.is((await logIn(user, sealText(user.sessionKey, profileText(user.openid, 'x', testAppid)))).returnCode, 0);
});

test.serial('in the legacy scheme data that name another openId are no profile', async (t) => {
  const user = makeUser();
  const texts = spellings('openId', victim.openid);
  const nested = [`[{"openId":"${victim.openid}"}]`, JSON.stringify(`{"openId":"${victim.openid}"}`)];
  for (const text of [...texts, ...nested]) {
    const answer = await logIn(user, { encrypt_data: sealLegacy(user.sessionKey, text) });
    t.deepEqual([answer.returnCode, answer.returnData.user_info], [0, null], text);
    t.is((await auth(url, answer.returnData)).returnData.user_info, null, text);
  }
  for (const { text } of await storedOf(user)) t.false(text.includes(victim.openid));
});

test.serial('where WeChat names a unionId, data that name another are other_user', async (t) => {
  const user = makeUser('unionid');
  for (const text of spellings('unionId', victim.unionid)) await refusesWithIv(t, user, text);
  await refusesWithIv(t, user, profileText(user.openid, 'x', testAppid, { unionId: victim.unionid }));
  const own = sealText(user.sessionKey, profileText(user.openid, 'x', testAppid, { unionId: user.unionid }));
  t.is((await logIn(user, own)).returnData.user_info.unionId, user.unionid);
  const legacy = await logIn(user, {
    encrypt_data: sealLegacy(user.sessionKey, `{"nickName":"x","unionId":"${victim.unionid}"}`),
  });
  t.is(legacy.returnData.user_info, null);
  for (const { text, unionId } of await storedOf(user)) {
    t.false(text.includes(victim.unionid));
    t.is(unionId, user.unionid);
  }
});

test.serial('a unionId in the data is nobody’s if WeChat names none', async (t) => {
  const user = makeUser();
  const { returnData: session } = await logIn(user);
  const data = sealText(user.sessionKey, profileText(user.openid, 'x', testAppid, { unionId: victim.unionid }));
  t.is((await call(url, 'qcloud.cam.userinfo', { ...session, ...data })).returnCode, 0);
  t.deepEqual(
    (await storedOf(user)).map(({ unionId }) => unionId),
    [null],
  );
  const response = await fetch(`${url}/forward-auth`, {
    headers: { 'X-WX-Id': session.id, 'X-WX-Skey': session.skey },
  });
  t.deepEqual([response.status, response.headers.get('x-wafer-unionid')], [200, '']);
  for (const text of spellings('unionId', victim.unionid)) await refusesWithIv(t, user, text);
});

test.serial('data cut out of a nickname of the attacker’s choice open nobody else’s account', async (t) => {
  for (const prefix of ['', 'unionid']) {
    const user = makeUser(prefix);
    const openId = forgeByNickName(user, testAppid, `{"openId":"${victim.openid.slice(0, 5)}`, victim.openid.slice(5));
    const unionId = forgeByNickName(
      user,
      testAppid,
      `{"unionId":"${victim.unionid.slice(0, 4)}`,
      victim.unionid.slice(4),
    );
    const { returnData: session } = await logIn(user);
    for (const data of [openId, unionId]) {
      for (const answer of [
        await call(url, 'qcloud.cam.userinfo', { ...session, ...data }),
        await call(url, 'qcloud.cam.decrypt', { ...session, ...data }),
        await call(url, 'qcloud.cam.phone', { ...session, ...data }),
        await logIn(user, data),
      ]) {
        t.is(answer.returnCode, 60021, answer.text);
        t.false(answer.text.includes(victim.openid) || answer.text.includes(victim.unionid));
      }
    }
    for (const { text } of await storedOf(user)) t.false(text.includes(victim.openid) || text.includes(victim.unionid));
  }
});

test.serial('a profile that names nobody gets what WeChat said, at a log-in and at userinfo', async (t) => {
  const user = makeUser('unionid');
  const text = `{"nickName":"微信用户","gender":0,"big":12345678901234567890,"language":"","city":"","province":"","country":"","9":1E2,"watermark":${JSON.stringify(watermark)}}`;
  const answer = await logIn(user, sealText(user.sessionKey, text));
  const { openid, unionid } = user;
  const completed = JSON.stringify({ openId: openid, unionId: unionid }).slice(1);
  const ascii = text.replace('微信用户', '\\u5fae\\u4fe1\\u7528\\u6237').slice(0, -1);
  t.true(answer.text.includes(`"user_info":${ascii},${completed}`), answer.text);
  const session = answer.returnData;
  t.is((await auth(url, session)).returnData.user_info.openId, openid);
  const updated = await call(url, 'qcloud.cam.userinfo', {
    ...session,
    ...sealText(user.sessionKey, JSON.stringify({ ...anonymous, openId: null, unionId: '', watermark })),
  });
  t.deepEqual([updated.returnData.user_info.openId, updated.returnData.user_info.unionId], [openid, unionid]);
});

test.serial('a piece of a profile that lacks the openId gets the user’s own', async (t) => {
  const user = makeUser();
  const piece = () => cutBehindNickName(user, testAppid, '{"nickName":"x",');
  const { returnData: session } = await logIn(
    user,
    sealText(user.sessionKey, profileText(user.openid, 'Ada', testAppid)),
  );
  const decrypted = await call(url, 'qcloud.cam.decrypt', { ...session, ...piece() });
  t.is(JSON.parse(decrypted.returnData).openId, user.openid);
  const updated = await call(url, 'qcloud.cam.userinfo', { ...session, ...piece() });
  t.is(updated.returnData.user_info.openId, user.openid);
  const again = await logIn(user, piece());
  t.is(again.returnData.user_info.openId, user.openid);
  t.is((await auth(url, again.returnData)).returnData.user_info.openId, user.openid);
});

test.serial('fields of another type than WeChat’s are no profile, at any interface', async (t) => {
  const fields: readonly object[] = [
    { nickName: 7 },
    { nickName: null },
    { gender: '1' },
    { gender: null },
    { language: 1 },
    { city: {} },
    { province: [] },
    { country: false },
    { avatarUrl: null },
    { Avatar_Url: {} },
    { OPENID: null },
    { open_id: '' },
  ];
  for (const field of fields) {
    const user = makeUser();
    const { returnData: session } = await logIn(user);
    const data = sealText(user.sessionKey, JSON.stringify({ nickName: 'x', ...field, watermark }));
    for (const answer of [
      await call(url, 'qcloud.cam.userinfo', { ...session, ...data }),
      await call(url, 'qcloud.cam.decrypt', { ...session, ...data }),
      await logIn(user, data),
    ])
      t.deepEqual([answer.returnCode, answer.returnData], [60021, ''], JSON.stringify(field));
    t.is((await auth(url, session)).returnData.user_info.nickName, '');
  }
  const user = makeUser();
  const empty = { nickName: '', gender: 0, language: '', city: '', province: '', country: '', avatarUrl: '' };
  const answer = await logIn(user, sealText(user.sessionKey, JSON.stringify({ ...empty, watermark })));
  t.deepEqual(
    answer.returnData.user_info,
    { ...empty, watermark, openId: user.openid },
    'what WeChat leaves out may be empty',
  );
});

test.serial('a stored profile that names another user counts as none', async (t) => {
  const user = makeUser('unionid');
  const { returnData: first } = await logIn(user);
  const profiles = [
    `{"openId":"${victim.openid}","nickName":"Eve"}`,
    `{"nickName":"Eve","open_id":"${victim.openid}"}`,
    profileText(user.openid, 'Eve', testAppid, { unionId: victim.unionid }),
  ];
  for (const profile of profiles) {
    for (const stored of [profile, Buffer.from(profile).toString('base64')]) {
      await stack.database.query('update cSessionInfo set user_info = ? where open_id = ?', [stored, user.openid]);
      await clearCache(admin, admin, clock);
      const { returnData: session } = { returnData: { id: first.id, skey: await skeyOf(user) } };
      t.is((await auth(url, session)).returnData.user_info, null, stored);
      const again = await logIn(user);
      t.is(again.returnData.user_info.openId, user.openid);
      t.is((await auth(url, again.returnData)).returnData.user_info.unionId, user.unionid);
    }
  }
});

async function skeyOf({ openid }: User): Promise<string> {
  const [row] = await stack.database.query<{ skey: string }>('select skey from cSessionInfo where open_id = ?', [
    openid,
  ]);
  return row?.skey ?? '';
}
