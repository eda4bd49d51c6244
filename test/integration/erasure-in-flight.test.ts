import test, { type ExecutionContext } from 'ava';
import { createConnection } from 'mysql2/promise';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { createSessionWriter } from '../../apps/worker/login/write-session.ts';
import { startEraser } from '../../apps/worker/erasure/eraser.ts';
import { createRecentOrders } from '../../apps/worker/erasure/recent-orders.ts';
import { finishErasures } from '../../shared/erasure/erase.ts';
import { beginErasure, eraseFromMysql } from '../../shared/erasure/erase-rows.ts';
import { tidyJournal } from '../../shared/erasure/journal.ts';
import { plainCipher } from '../../shared/keys/column-cipher.ts';
import { createLog } from '../../shared/log/log.ts';
import { phoneKeyPrefix } from '../../shared/rpc/ledger-keys.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import { createCredential } from '../../shared/session/skey.ts';
import { placeholderProfile } from '../../shared/session/user-info.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo } from '../../shared/store/models.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { readSeal } from '../support/person.ts';
import { readAllOfRedis } from '../support/redis-dump.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';

const onClose = closeAfterAll(test);
let onRequest: () => unknown = () => undefined;
const wechat = await startTestWechat({ onClose, onRequest: () => onRequest() as void });
const stack = await startStack({ onClose, workers: 2, env: { WECHAT_API_BASE: wechat.url } });
const { database, env } = stack;
const [url] = stack.urls;
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

const added = await runCli(env, ['caller', 'add', 'events', '--may', 'wechat-event', '--json']);
const passOn = async (openId: string, event: string, more: object = {}): Promise<string> => {
  const sent = await fetch(`${url}/k/${added.json.key}/wechat-event`, {
    method: 'POST',
    body: JSON.stringify({ Event: event, OpenID: openId, AppID: testAppid, ...more }),
  });
  return sent.text();
};

const iv = 'AAAAAAAAAAAAAAAAAAAAAA==';

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

test.serial('a log-in whose data are refused during an erasure leaves nothing in Redis', async (t) => {
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, `${user}~1`);
  const held = holdWechat();
  const late = call(url, 'qcloud.cam.id_skey', { code: `${user}~2`, encrypt_data: 'AAAAAAAAAAAAAAAAAAAAAA==', iv });
  await held.asked;
  await erase(t, openId);
  held.release();
  t.is((await late).returnCode, 60021);
  const dump = await readAllOfRedis(redis, await readSeal(database));
  const codes = [...dump].filter(([key]) => key.includes(':code:'));
  t.true(codes.length > 0);
  t.deepEqual(
    codes.filter(([, text]) => text.includes(openId)),
    [],
  );
});

for (const [how, order] of [
  ['erased by a command', (openId: string) => runCli(env, ['user', 'erase', '--open-id', openId])],
  ['cancelled by the user', (openId: string) => passOn(openId, 'user_authorization_cancellation')],
  ['taken back alone', (openId: string) => passOn(openId, 'user_authorization_revoke', { RevokeInfo: '8' })],
] as const)
  test.serial(`a phone number on its way is neither answered nor kept, ${how}`, async (t) => {
    const user = newUser();
    const openId = openIdOf(testAppid, user);
    const session = (await login(url, `${user}~1`)).returnData as Session;
    const phone = { ...session, code: `${user}~phone` };
    // So that the access token is there.
    t.is((await call(url, 'qcloud.cam.phone', { ...session, code: `${user}~before` })).returnCode, 0);
    const held = holdWechat();
    const late = call(url, 'qcloud.cam.phone', phone);
    await held.asked;
    await order(openId);
    await until('the order is carried out', async () => (await phoneNumbersInRedis()).length === 0);
    held.release();
    const { returnCode, reason } = await late;
    t.deepEqual([returnCode, reason], [40029, 'user_erased']);
    t.deepEqual(await phoneNumbersInRedis(), []);
    const again = await call(url, 'qcloud.cam.phone', phone);
    t.not(again.returnCode, 0, 'nor is it for the same request');
    const next = (await login(url, `${user}~2`)).returnData as Session;
    const later = await call(url, 'qcloud.cam.phone', { ...next, code: `${user}~after` });
    t.is(later.returnCode, 0, 'a later one is');
    await runCli(env, ['user', 'erase', '--open-id', openId]);
  });

test.serial('a number of an erased person is answered to no run of the same call', async (t) => {
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const session = (await login(url, `${user}~1`)).returnData as Session;
  t.is((await call(url, 'qcloud.cam.phone', { ...session, code: `${user}~before` })).returnCode, 0);
  const phone = { ...session, code: `${user}~phone` };
  const held = holdWechat();
  const asking = call(url, 'qcloud.cam.phone', phone);
  await held.asked;
  const monitor = await redis.monitor();
  t.teardown(() => monitor.disconnect());
  const looksForCode = new Promise<void>((resolve) => {
    monitor.on('monitor', (_: string, args: string[]) => {
      if (args.some((arg) => arg.startsWith(phoneKeyPrefix))) resolve();
    });
  });
  const waiting = call(url, 'qcloud.cam.phone', phone);
  await looksForCode;
  await erase(t, openId);
  // From here on nobody can see in the journal who was erased: the run that asked has the number in Redis, and can't look yet.
  const sql = await createConnection({ uri: database.adminUrl, database: database.name });
  t.teardown(() => sql.destroy());
  await sql.query('lock tables cWaferErasure write');
  held.release();
  await until('the number is there', async () => (await phoneNumbersInRedis()).length > 0);
  let isAnswered = false;
  void waiting.then(() => (isAnswered = true));
  await until('both look in the journal', async () => isAnswered || (await countStatements('%cWaferErasure%')) >= 2);
  await sql.query('unlock tables');
  for (const each of [asking, waiting]) {
    const { returnCode, reason } = await each;
    t.deepEqual([returnCode, reason], [40029, 'user_erased']);
  }
  t.deepEqual(await phoneNumbersInRedis(), []);
});

/** Statements that are under way, as those that wait for a lock are. */
async function countStatements(like: string): Promise<number> {
  const rows = await database.query("select id from information_schema.processlist where info like ? and state <> ''", [
    like,
  ]);
  return rows.length;
}

/** What is kept of codes, calls and answers and has a phone number in it. */
async function phoneNumbersInRedis(): Promise<string[]> {
  const dump = await readAllOfRedis(redis, await readSeal(database));
  return [...dump].flatMap(([key, text]) => (text.includes('purePhoneNumber') ? [key] : []));
}

test.serial('the first log-in of a user who cancels meanwhile writes nothing that stays', async (t) => {
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const held = holdWechat();
  const late = call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  await held.asked;
  t.is(await passOn(openId, 'user_authorization_cancellation'), 'success');
  held.release();
  t.is((await late).reason, 'user_erased');
  t.deepEqual(await rowsOf(openId), []);
  const again = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  t.is(again.reason, 'user_erased', 'the same request does not bring it back either');
  const next = await call(url, 'qcloud.cam.id_skey', { code: `${user}~2` });
  t.is(next.returnMessage, 'NEW_SESSION_SUCCESS');
  t.is((await auth(url, next.returnData)).returnCode, 0);
});

/** A log-in of WeChat's answer alone, as a worker writes it. */
function loginOf(openId: string, fence: number) {
  return {
    appid: testAppid,
    openId,
    ownsUnmarked: true,
    maxSessions: 3,
    graceSeconds: 0,
    isPerDevice: false,
    device: undefined,
    clientIp: undefined,
    caller: undefined,
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

/** What a worker writes sessions with, and erases with. */
async function openAsWorker(t: ExecutionContext) {
  const sequelize = openDatabase(stack.config.database.primary, stack.config.database);
  t.teardown(() => sequelize.close());
  const seal = await readSeal(database);
  const clock = createRedisClock(redis);
  t.teardown(() => clock.close());
  await clock.sync();
  const stores = { sequelize, seal, clock, commands: redis, cacheRedis: redis, appInfo: defineAppInfo(sequelize) };
  const writer = createSessionWriter({ sequelize, cache: createSessionCache(redis), cipher: plainCipher, seal });
  return { stores, writer };
}

test.serial('what a log-in read before an erasure it does not write after it', async (t) => {
  await database.query("update cAppinfo set session_policy = 'multi', max_sessions = 3");
  await runCli(env, ['cache', 'clear']);
  const { writer } = await openAsWorker(t);
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

const nickNamesOf = async (openId: string): Promise<unknown[]> =>
  (await rowsOf(openId)).map(
    ({ user_info: stored }) =>
      (JSON.parse(Buffer.from(stored, 'base64').toString('utf8')) as { nickName: unknown }).nickName,
  );
const nickNameOf = async (session: Session): Promise<unknown> =>
  (await auth(url, session)).returnData.user_info?.nickName;
const setPolicy = async (policy: 'single' | 'multi'): Promise<void> => {
  await database.query('update cAppinfo set session_policy = ?, max_sessions = 3', [policy]);
  await runCli(env, ['cache', 'clear']);
};
const profileOrderOf = (openId: string) => ({
  part: 'profile' as const,
  person: { openId, appid: testAppid },
  actor: { osUser: 'test', host: 'test' },
  action: 'user_info_modified',
});

for (const policy of ['single', 'multi'] as const) {
  test.serial(`a profile on its way when its user takes it back does not come back (${policy})`, async (t) => {
    await setPolicy(policy);
    const user = newUser();
    const openId = openIdOf(testAppid, user);
    await login(url, `${user}~1`);
    t.true((await nickNamesOf(openId)).every((name) => name !== ''));
    const held = holdWechat();
    const late = login(url, `${user}~2`);
    await held.asked;
    t.is(await passOn(openId, 'user_info_modified'), 'success');
    t.deepEqual([...new Set(await nickNamesOf(openId))], ['']);
    held.release();
    const { returnCode, returnData } = await late;
    t.is(returnCode, 0, 'the log-in itself is a success');
    t.deepEqual([...new Set(await nickNamesOf(openId))], ['']);
    t.is(await nickNameOf(returnData as Session), '');
    const next = await login(url, `${user}~3`);
    t.not(await nickNameOf(next.returnData as Session), '', 'a later log-in brings one again');
  });
}

test.serial('nor does that of a first log-in', async (t) => {
  const user = newUser();
  const held = holdWechat();
  const late = login(url, `${user}~1`);
  await held.asked;
  t.is(await passOn(openIdOf(testAppid, user), 'user_info_modified'), 'success');
  held.release();
  const { returnCode, returnData } = await late;
  t.is(returnCode, 0);
  t.deepEqual(await nickNamesOf(openIdOf(testAppid, user)), ['']);
  t.is(await nickNameOf(returnData as Session), '');
});

test.serial('a profile that a log-in brings after the order stays, one that it kept goes', async (t) => {
  await setPolicy('single');
  const { stores } = await openAsWorker(t);
  const [bringing, keeping] = [newUser(), newUser()];
  for (const user of [bringing, keeping]) await login(url, `${user}~1`);
  const pending = [];
  for (const user of [bringing, keeping])
    pending.push(await beginErasure(stores, profileOrderOf(openIdOf(testAppid, user))));
  const brought = (await login(url, `${bringing}~2`)).returnData as Session;
  const kept = (await call(url, 'qcloud.cam.id_skey', { code: `${keeping}~2` })).returnData as Session;
  t.not(await nickNameOf(kept), '');
  for (const each of pending) await eraseFromMysql(stores, each);
  t.not(await nickNameOf(brought), '');
  t.is(await nickNameOf(kept), '');
});

test.serial('a profile that a log-in read before the drop comes to neither MySQL nor cache', async (t) => {
  await setPolicy('multi');
  const { stores, writer } = await openAsWorker(t);
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  for (const code of [1, 2]) await login(url, `${user}~${code}`);
  // Made after the order. The first goes to a row of its own, the others to those that there are.
  const order = await beginErasure(stores, profileOrderOf(openId));
  const fence = Math.floor(stores.clock.nowMs() * 1000);
  const late = [3, 2, 1].map((maxSessions, index) => ({ ...loginOf(openId, fence + index), maxSessions }));
  const looked = late.map((each) => writer.look(each));
  for (const rows of await Promise.all(looked)) t.is(rows.length, 2);
  await eraseFromMysql(stores, order);
  for (const [index, each] of late.entries()) {
    const { id } = await writer.write({ ...each, looked: looked[index] });
    // That of a new row is dropped by whoever finishes the order, or by the log-in itself when it has written.
    if (index > 0) t.is(await nickNameOf({ id, skey: each.skey }), '', `log-in ${index}`);
  }
  await finishErasures(stores, [order]);
  t.deepEqual([...new Set(await nickNamesOf(openId))], ['']);
});

const cancellationOf = (openId: string) => ({
  part: 'everything' as const,
  person: { openId, appid: testAppid },
  actor: { osUser: 'test', host: 'test' },
  action: 'user_authorization_cancellation',
});

test.serial('what a log-in wrote that could not look for orders goes, as soon as one can', async (t) => {
  const { stores, writer } = await openAsWorker(t);
  const [user, other] = [newUser(), newUser()].map((name) => openIdOf(testAppid, name)) as [string, string];
  const fence = Math.floor(stores.clock.nowMs() * 1000);
  // In this process nobody looks at the order again.
  await createRecentOrders(stores).remember(cancellationOf(user));
  for (const openId of [user, other]) await writer.write(loginOf(openId, fence));
  const away = openRedis(stack.redis?.url);
  away.disconnect();
  const eraser = startEraser({ stores: { ...stores, commands: away }, log: createLog('worker', 'silent') });
  t.teardown(() => eraser.close());
  for (const openId of [user, other]) {
    await t.throwsAsync(eraser.eraseIfOrdered({ appid: testAppid, openId }, fence, fence));
    t.is((await rowsOf(openId)).length, 1);
  }
  t.is((await database.query("select 1 from cWaferErasure where todo like 'look %'")).length, 2);
  const looked = async () => (await database.query('select 1 from cWaferErasure where todo is not null')).length === 0;
  await until('a worker has looked', looked, 60_000);
  t.deepEqual(await rowsOf(user), []);
  t.is((await rowsOf(other)).length, 1, 'nobody ordered anything of this one');
});

test.serial('what a log-in wrote that died before it looked for orders goes', async (t) => {
  const { stores, writer } = await openAsWorker(t);
  const names = [newUser(), newUser(), newUser()].map((name) => openIdOf(testAppid, name));
  const [cancelled, changed, returned] = names as [string, string, string];
  const before = Math.floor(stores.clock.nowMs() * 1000);
  t.is(await passOn(cancelled, 'user_authorization_cancellation'), 'success');
  t.is(await passOn(changed, 'user_info_modified'), 'success');
  t.is(await passOn(returned, 'user_authorization_cancellation'), 'success');
  const after = Math.floor(stores.clock.nowMs() * 1000) + 1000;
  const profile = { text: '{"nickName":"known"}' } as ReturnType<typeof placeholderProfile>;
  for (const [openId, fence] of [
    [returned, after],
    [changed, before],
    [cancelled, before],
  ] as const)
    await writer.write({ ...loginOf(openId, fence), profile });
  t.deepEqual(await nickNamesOf(changed), ['known']);
  await until('MySQL is looked at again', async () => (await rowsOf(cancelled)).length === 0, 60_000);
  await until('for the profile, too', async () => (await nickNamesOf(changed))[0] === '', 60_000);
  t.deepEqual(await nickNamesOf(returned), ['known'], 'who logs in after it stays');
});

test.serial('that somebody was erased is noted for a day, what is to be done until it is', async (t) => {
  const { stores } = await openAsWorker(t);
  await database.query(
    `insert into cWaferErasure (person, erased_before, todo, at)
     values ('old', 1, null, now() - interval 25 hour), ('young', 1, null, now()), ('todo', 1, 'x', now() - interval 25 hour)`,
  );
  await tidyJournal(stores.sequelize);
  const left = await database.query(
    "select person from cWaferErasure where person in ('old', 'young', 'todo', '') order by person",
  );
  t.deepEqual(
    left.map(({ person }) => person),
    ['', 'todo', 'young'],
  );
  await database.query("delete from cWaferErasure where person = 'todo'");
});

test.serial('a note of a clock that was ahead is kept no longer, and no erasure waits for it', async (t) => {
  const { stores } = await openAsWorker(t);
  const now = 'utc_timestamp() + interval 8 hour';
  await database.query(
    `insert into cWaferErasure (person, erased_before, todo, at)
     values ('note', 1, null, ${now} + interval 200 day), ('todo', 1, 'x', ${now} + interval 200 day),
       ('waits', 1, 'x', ${now} + interval 59 minute)`,
  );
  await tidyJournal(stores.sequelize);
  const ahead = await database.query(
    `select person from cWaferErasure where at > ${now} and person in ('note', 'todo', 'waits')`,
  );
  t.deepEqual(ahead, [{ person: 'waits' }]);
  await database.query("delete from cWaferErasure where person in ('note', 'todo', 'waits')");
});

test.serial('who cancels while Redis is about to be silent has no row when it is back', async (t) => {
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const held = holdWechat();
  const late = call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  await held.asked;
  t.is(await passOn(openId, 'user_authorization_cancellation'), 'success');
  const sql = await createConnection({ uri: database.adminUrl, database: database.name });
  t.teardown(() => sql.destroy());
  await sql.query('begin');
  await sql.query("select person from cWaferErasure where person = '' for update");
  held.release();
  await until('the row waits', async () => (await countStatements('insert into cSessionInfo%')) > 0);
  stack.redis?.kill('SIGSTOP');
  t.teardown(() => stack.redis?.kill('SIGCONT'));
  await sql.query('commit');
  await until('the row is written', async () => (await rowsOf(openId)).length > 0);
  // The look has failed: somebody is to look again.
  const isNoted = async () => (await database.query("select 1 from cWaferErasure where todo like 'look %'")).length > 0;
  await until('it is noted', isNoted, 60_000);
  t.is((await late).reason, 'store_unavailable');
  stack.redis?.kill('SIGCONT');
  await until('the row is gone', async () => (await rowsOf(openId)).length === 0, 60_000);
});
