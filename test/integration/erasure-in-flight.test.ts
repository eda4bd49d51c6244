import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { createSessionWriter } from '../../apps/worker/login/write-session.ts';
import { plainCipher } from '../../shared/keys/column-cipher.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import { createCredential } from '../../shared/session/skey.ts';
import { placeholderProfile } from '../../shared/session/user-info.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';

const onClose = closeAfterAll(test);
let onRequest: () => unknown = () => undefined;
const wechat = await startTestWechat({ onClose, onRequest: () => onRequest() as void });
const stack = await startStack({ onClose, workers: 2, env: { WECHAT_API_BASE: wechat.url } });
const { database, env } = stack;
const [url] = stack.urls;
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

interface Session {
  readonly id: string;
  readonly skey: string;
}

const rowsOf = (openId: string) =>
  database.query<{ uuid: string; user_info: string }>('select uuid, user_info from cSessionInfo where open_id = ?', [
    openId,
  ]);

async function erase(t: { is: (left: unknown, right: unknown, message?: string) => unknown }, openId: string) {
  const run = await runCli(env, ['user', 'erase', '--open-id', openId, '--json']);
  t.is(run.status, 0, run.stdout + run.stderr);
  return run.json as { sessions: number };
}

/** Holds WeChat's next answer until the returned function is called. */
function holdWechat(): { readonly asked: Promise<void>; release(): void } {
  let release = () => {};
  let tell = () => {};
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  onRequest = () => {
    onRequest = () => undefined;
    tell();
    return released;
  };
  return { asked, release };
}

for (const policy of ['single', 'multi'] as const) {
  test.serial(`a log-in with WeChat during an erasure writes nothing, the next is new (${policy})`, async (t) => {
    await database.query('update cAppinfo set session_policy = ?, max_sessions = 3', [policy]);
    await runCli(env, ['cache', 'clear']);
    const user = newUser();
    const openId = openIdOf(testAppid, user);
    const before = (await login(url, `${user}~1`)).returnData as Session;
    const held = holdWechat();
    const late = call(url, 'qcloud.cam.id_skey', { code: `${user}~2` });
    await held.asked;
    t.is((await erase(t, openId)).sessions, 1);
    held.release();
    const { returnCode, reason } = await late;
    t.is(returnCode, 40029);
    t.is(reason, 'user_erased');
    t.deepEqual(await rowsOf(openId), []);
    const again = await call(url, 'qcloud.cam.id_skey', { code: `${user}~2` });
    t.is(again.reason, 'user_erased', 'the same request does not bring it back either');
    const next = await call(url, 'qcloud.cam.id_skey', { code: `${user}~3` });
    t.is(next.returnMessage, 'NEW_SESSION_SUCCESS');
    t.not(next.returnData.id, before.id);
    t.is(next.returnData.user_info.nickName, '');
    t.is((await auth(url, next.returnData)).returnCode, 0);
    t.is((await auth(url, before)).returnCode, 60012);
  });
}

/** A log-in of WeChat's answer alone, as a worker writes it. */
function loginOf(openId: string, fence: number) {
  return {
    appid: testAppid,
    openId,
    ownsUnmarked: true,
    maxSessions: 3,
    graceSeconds: 0,
    limits: { loginDurationDays: 30, sessionDurationSeconds: 2_592_000, revokedBeforeUs: 0 },
    sessionKey: 'AAAAAAAAAAAAAAAAAAAAAA==',
    unionId: undefined,
    newId: createCredential(),
    skey: createCredential(),
    profile: placeholderProfile({ openId }),
    fence,
    hasRecord: false,
    time: nowSeconds(),
    redisNowUs: () => Date.now() * 1000,
  };
}

test.serial('what a log-in read before an erasure it does not write after it', async (t) => {
  await database.query("update cAppinfo set session_policy = 'multi', max_sessions = 3");
  await runCli(env, ['cache', 'clear']);
  const sequelize = openDatabase(stack.config.database.primary, stack.config.database);
  t.teardown(() => sequelize.close());
  const [key] = await database.query<{ value: Buffer }>("select value from cWaferKey where name = 'rpc'");
  const seal = createSeal((key as { value: Buffer }).value);
  const writer = createSessionWriter({ sequelize, cache: createSessionCache(redis), cipher: plainCipher, seal });
  const [user, otherUser] = [newUser(), newUser()];
  const [openId, otherOpenId] = [openIdOf(testAppid, user), openIdOf(testAppid, otherUser)];
  for (const name of [user, otherUser]) await login(url, `${name}~1`);
  const fence = Date.now() * 1000;
  const late = [1, 3].map((maxSessions) => ({ ...loginOf(openId, fence), maxSessions }));
  const other = loginOf(otherOpenId, fence);
  const looked = [...late, other].map((each) => writer.look(each));
  for (const rows of await Promise.all(looked))
    t.true(Buffer.from(rows[0]?.storedUserInfo ?? '', 'base64').length > 100);
  await erase(t, openId);
  // All at once, as log-ins share a statement: the one that fails does not take the others along.
  const written = await Promise.allSettled(
    [...late, other].map((each, index) => writer.write({ ...each, looked: looked[index] })),
  );
  t.deepEqual(
    written.map((each) => (each.status === 'rejected' ? (each.reason as Error).name : each.value.isNew)),
    ['UserErasedError', 'UserErasedError', true],
  );
  t.deepEqual(await rowsOf(openId), []);
  t.is((await rowsOf(otherOpenId)).length, 2);
  t.is((await call(url, 'qcloud.cam.id_skey', { code: `${user}~3` })).returnData.user_info.nickName, '');
});
