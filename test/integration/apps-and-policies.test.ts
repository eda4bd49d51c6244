import test, { type ExecutionContext } from 'ava';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack, testAppid, testSecret, type TestStack } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';

const otherAppid = 'wxffffffffffffffff';
const otherSecret = 'f'.repeat(32);
const onClose = closeAfterAll(test);
const wechat = await startTestWechat({
  onClose,
  apps: new Map([
    [testAppid, testSecret],
    [otherAppid, otherSecret],
  ]),
});
const stack: TestStack = await startStack({
  onClose,
  webs: 2,
  workers: 2,
  env: { WECHAT_API_BASE: wechat.url },
  prepare: async () => {},
});
const [url, secondUrl] = stack.urls as [string, string];
const auth60012 = async (t: ExecutionContext, session: { id: string; skey: string }) => {
  for (const web of stack.urls) t.is((await auth(web, session)).returnCode, 60012);
};
const admin = connectRedis(stack.config.redis.queue, 'subscriber');
const clock = createRedisClock(admin);
onClose(async () => {
  clock.close();
  admin.disconnect();
});
/** Changes an app, and lets every process know at once. */
const setApp = async (columns: string, appid = testAppid) => {
  await stack.database.query(`update cAppinfo set ${columns} where appid = ?`, [appid]);
  await clearCache(admin, admin, clock);
};

test.serial('a request may name its app, and one open_id in two apps is two users', async (t) => {
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, otherSecret]);
  await setApp('is_default = 1');
  const user = newUser();
  const openid = createUser(testAppid, user).openid;
  const mine = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1`, appid: testAppid });
  const theirs = await call(url, 'qcloud.cam.id_skey', { code: `${user}~2`, appid: otherAppid });
  t.is(mine.returnMessage, 'NEW_SESSION_SUCCESS');
  t.is(theirs.returnMessage, 'NEW_SESSION_SUCCESS');
  // The same open_id in both apps, which real WeChat does not do but a database may hold.
  await stack.database.query('update cSessionInfo set open_id = ? where uuid = ?', [openid, theirs.returnData.id]);
  t.is((await call(url, 'qcloud.cam.id_skey', { code: `${user}~3` })).returnData.id, mine.returnData.id);
  t.is((await auth(url, theirs.returnData)).returnCode, 0, 'a log-in to one app leaves the session of the other');

  const check = (para: object) => call(secondUrl, 'qcloud.cam.auth', { ...theirs.returnData, ...para });
  t.is((await check({ appid: otherAppid })).returnCode, 0);
  t.is((await check({ appid: testAppid })).returnCode, 60012);
  t.is((await check({ appid: 'wxnope' })).returnCode, 1012);
  t.is((await check({ appid: 5 })).returnCode, 1012);
  t.is((await check({})).returnCode, 0);
  const response = await fetch(`${url}/mina_auth/`, {
    method: 'POST',
    body: JSON.stringify({
      interface: { interfaceName: 'qcloud.cam.auth', appid: testAppid, para: theirs.returnData },
    }),
  });
  t.is(((await response.json()) as { returnCode: number }).returnCode, 60012);
});

test.serial('while a secret is being changed no log-in is lost', async (t) => {
  let isRotating = true;
  const codes = [0, 1, 2, 3].map(async (lane) => {
    const outcomes: number[] = [];
    for (let count = 0; isRotating || count < 5; count++) {
      outcomes.push((await login(stack.urls[lane % 2] as string, `${newUser()}~${count}`)).returnCode);
    }
    return outcomes;
  });
  // The new secret is in the settings before WeChat knows it.
  await setApp(`previous_secret = secret, secret = '${'a'.repeat(32)}'`);
  const before = wechat.stats().paths['/sns/jscode2session'] ?? 0;
  await until('twenty log-ins went by', () => (wechat.stats().paths['/sns/jscode2session'] ?? 0) > before + 40);
  await setApp(`secret = previous_secret, previous_secret = null`);
  isRotating = false;
  const outcomes = (await Promise.all(codes)).flat();
  t.true(outcomes.length > 20);
  t.deepEqual(
    outcomes.filter((code) => code !== 0),
    [],
  );
});

test.serial('a log-out of a session that has ended behind the cache ends it there, too', async (t) => {
  const session = (await login(url, newUser())).returnData as { id: string; skey: string };
  t.is((await auth(url, session)).returnCode, 0);
  await stack.database.query('update cSessionInfo set skey = ? where uuid = ?', ['x'.repeat(64), session.id]);
  t.is((await auth(url, session)).returnCode, 0, 'nobody has told the cache');
  t.is((await call(url, 'qcloud.cam.logout', { id: session.id, skey: session.skey })).returnCode, 60012);
  t.is((await auth(url, session)).returnCode, 60012);
});

test.serial('log-out ends a session in every process, and for the original too', async (t) => {
  const { returnData } = await login(url, newUser());
  for (const web of stack.urls) t.is((await auth(web, returnData)).returnCode, 0);
  const wrong = { id: returnData.id, skey: 'wrong' };
  t.is((await call(url, 'qcloud.cam.logout', wrong)).returnCode, 60012);
  t.is((await call(url, 'qcloud.cam.logout', { id: 'x' })).returnCode, 1003);
  const answer = await call(url, 'qcloud.cam.logout', returnData);
  t.is(
    answer.text,
    '{"returnCode":0,"returnMessage":"LOGOUT_SUCCESS","returnData":{},"version":1,"componentName":"MA"}',
  );
  await auth60012(t, returnData);
  const original = 'select * from cSessionInfo where uuid = ? and skey = ?';
  t.deepEqual(await stack.database.query(original, [returnData.id, returnData.skey]), []);
  t.is((await stack.database.query('select id from cSessionInfo where uuid = ?', [returnData.id])).length, 1);
});

test.serial('an app can be revoked: its sessions are void, later log-ins are not', async (t) => {
  const user = newUser();
  const { returnData } = await login(url, `${user}~1`);
  const other = await call(url, 'qcloud.cam.id_skey', { code: newUser(), appid: otherAppid });
  await setApp('revoked_before = unix_timestamp(now(6)) * 1000000');
  await auth60012(t, returnData);
  t.is((await auth(url, other.returnData)).returnCode, 0);
  t.is((await auth(url, (await login(url, `${user}~2`)).returnData)).returnCode, 0);
});

test.serial('with grace the previous skey works for that long, and no older one', async (t) => {
  await setApp('grace_seconds = 5');
  const user = newUser();
  const sessions = [];
  for (const count of [1, 2, 3]) sessions.push((await login(url, `${user}~${count}`)).returnData);
  const [first, second, third] = sessions as [never, never, never];
  await auth60012(t, first);
  for (const web of stack.urls) {
    t.is((await auth(web, second)).returnCode, 0);
    t.is((await auth(web, third)).returnCode, 0);
  }
  await until('the time of grace is over', async () => (await auth(secondUrl, second)).returnCode === 60012, 8000);
  t.is((await auth(url, third)).returnCode, 0);
  await setApp('grace_seconds = 0');
});

test.serial('no request is refused while a user logs in again with grace', async (t) => {
  await setApp('grace_seconds = 5');
  const user = newUser();
  const { returnData } = await login(url, `${user}~1`);
  const [again, ...answers] = await Promise.all([
    login(url, `${user}~2`),
    ...Array.from({ length: 200 }, (_, index) => auth(stack.urls[index % 2] as string, returnData)),
  ]);
  t.is(again.returnCode, 0);
  t.is(answers.filter(({ returnCode }) => returnCode !== 0).length, 0);
  await setApp('grace_seconds = 0');
});

test.serial('with the policy multi a user has several sessions, up to the maximum', async (t) => {
  await setApp("session_policy = 'multi', max_sessions = 3");
  const user = newUser();
  const sessions = [];
  for (const count of [1, 2, 3, 4]) sessions.push((await login(url, `${user}~${count}`)).returnData);
  await auth60012(t, sessions[0]);
  for (const session of sessions.slice(1)) for (const web of stack.urls) t.is((await auth(web, session)).returnCode, 0);
  // Devices that log in at the same moment do not lose each other.
  const other = newUser();
  const devices = await Promise.all(
    [1, 2, 3].map((count) => login(stack.urls[count % 2] as string, `${other}~${count}`)),
  );
  for (const { returnData } of devices) t.is((await auth(url, returnData)).returnCode, 0);
  t.is(
    (await stack.database.query('select id from cSessionInfo where open_id = ?', [createUser(testAppid, other).openid]))
      .length,
    3,
  );
  // Back to single: the next log-in ends all others.
  await setApp("session_policy = 'single'");
  const last = (await login(url, `${user}~5`)).returnData;
  for (const session of sessions) t.is((await auth(url, session)).returnCode, 60012);
  t.is((await auth(url, last)).returnCode, 0);
});
