import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { rootDir } from '../support/built.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import type { TestDatabase } from '../support/database.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack, testAppid, type TestStack } from '../support/stack.ts';

interface ExpectedRow {
  readonly row: number;
  readonly id: string;
  readonly skey: string;
  readonly open_id: string;
  readonly valid: boolean;
  readonly userInfo: string | null;
  readonly kept: boolean;
  readonly newestOfOpenId?: boolean;
}

const readData = (name: string) => readFileSync(join(rootDir, 'test/data/cauth', name), 'utf8');
const { rows } = JSON.parse(readData('expected.json')) as { rows: ExpectedRow[] };

/** A database as the original leaves it, its times shifted so that its "now" is now. */
async function loadOriginal(database: TestDatabase): Promise<void> {
  await database.query("set sql_mode = ''");
  await database.query(readData('cauth.sql').replace(/^create database.*$/m, ''));
  await database.query(
    `set @age = timestampdiff(second, '2026-11-22 20:00:00', convert_tz(utc_timestamp(), '+00:00', '+08:00'));
     update cSessionInfo set
       create_time = if(create_time = 0, create_time, create_time + interval @age second),
       last_visit_time = last_visit_time + interval @age second`,
  );
}

const onClose = closeAfterAll(test);
const stack: TestStack = await startStack({ onClose, prepare: loadOriginal });
const [url] = stack.urls;
const original = async (sql: string, values: unknown[]) => {
  await stack.database.query("set sql_mode = ''");
  return stack.database.query(sql, values);
};

test('every row of an adopted database answers as the original did', async (t) => {
  t.true(rows.length > 200);
  for (const { row, id, skey, valid, userInfo, kept } of rows) {
    const { returnCode, returnData } = await auth(url, { id, skey });
    t.is(returnCode, valid && kept ? 0 : 60012, `row ${row}`);
    if (returnCode !== 0) continue;
    const expected: unknown = userInfo === null ? null : JSON.parse(userInfo);
    t.deepEqual(returnData.user_info, expected, `row ${row}`);
  }
});

test('a session that the original writes or replaces counts at once', async (t) => {
  const session = { id: `original-${newUser()}`, skey: 'a'.repeat(32) };
  // A look for it before it is there must not stand in its way.
  t.is((await auth(url, session)).returnCode, 60012);
  await original(
    `insert into cSessionInfo set uuid = ?, skey = ?, create_time = convert_tz(utc_timestamp(), '+00:00', '+08:00'),
     last_visit_time = convert_tz(utc_timestamp(), '+00:00', '+08:00'), open_id = ?, session_key = ?, user_info = ?`,
    [session.id, session.skey, newUser(), 'x'.repeat(24), Buffer.from('{"a":1.0}').toString('base64')],
  );
  t.is((await auth(url, session)).text.includes('{"user_info":{"a":1.0}}'), true);

  for (const skey of ['b'.repeat(32), 'c'.repeat(32)]) {
    await original(
      `update cSessionInfo set session_key = 'y', create_time = convert_tz(utc_timestamp(), '+00:00', '+08:00'),
       last_visit_time = convert_tz(utc_timestamp(), '+00:00', '+08:00'), skey = ?, user_info = ? where uuid = ?`,
      [skey, Buffer.from('{"a":2}').toString('base64'), session.id],
    );
    const { returnCode, returnData } = await auth(url, { ...session, skey });
    t.is(returnCode, 0);
    t.deepEqual(returnData.user_info, { a: 2 });
    t.is((await auth(url, session)).returnCode, 60012);
  }
});

test('a session whose profile is null is valid', async (t) => {
  const own = await startStack({ onClose: t.teardown.bind(t) });
  const [base] = own.urls;
  const sessions = [(await login(base, newUser())).returnData, (await login(base, newUser())).returnData];
  await own.database.query('alter table cSessionInfo modify user_info text null');
  await own.database.query('update cSessionInfo set user_info = null where uuid = ?', [sessions[0]?.id]);
  const web = await own.addWeb({ REDIS_CACHE_URL: (await startTestRedis({ onClose: t.teardown.bind(t) })).url });
  const [withNull, other] = await Promise.all(sessions.map((session) => auth(web, session)));
  t.deepEqual([withNull?.returnCode, withNull?.returnData.user_info], [0, null]);
  t.is(other?.returnCode, 0);
});

test('the original’s statements find a session of ours, also after its visits', async (t) => {
  const user = newUser();
  const { returnData } = await login(url, user);
  const find = () =>
    original('select * from cSessionInfo where uuid = ? and skey = ?', [returnData.id, returnData.skey]);
  const [row] = (await find()) as { user_info: string; open_id: string; session_key: string }[];
  t.deepEqual(JSON.parse(Buffer.from(row?.user_info ?? '', 'base64').toString()), returnData.user_info);
  t.is(row?.open_id, createUser(testAppid, user).openid);
  const byUser = await original('select uuid from cSessionInfo where open_id = ?', [row?.open_id]);
  t.deepEqual(byUser, [{ uuid: returnData.id }]);
  await original(
    "update cSessionInfo set last_visit_time = convert_tz(utc_timestamp(), '+00:00', '+08:00') where uuid = ?",
    [returnData.id],
  );
  t.is((await find()).length, 1);
  t.is((await auth(url, returnData)).returnCode, 0);
});

test('the next log-in keeps the id of the newest of several rows and ends the others', async (t) => {
  const user = newUser();
  const { openid } = createUser(testAppid, user);
  const insert = (id: string, secondsAgo: number) =>
    original(
      `insert into cSessionInfo set uuid = ?, skey = 'old', open_id = ?, session_key = 'k', user_info = '',
       create_time = convert_tz(utc_timestamp(), '+00:00', '+08:00'),
       last_visit_time = convert_tz(utc_timestamp(), '+00:00', '+08:00') - interval ? second`,
      [id, openid, secondsAgo],
    );
  const [older, newest, oldest] = [newUser(), newUser(), newUser()];
  await insert(older, 20);
  await insert(newest, 10);
  await insert(oldest, 30);
  for (const id of [older, newest, oldest]) t.is((await auth(url, { id, skey: 'old' })).returnCode, 0);
  const { returnMessage, returnData } = await login(url, user);
  t.is(returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.is(returnData.id, newest);
  t.is((await auth(url, returnData)).returnCode, 0);
  for (const id of [older, newest, oldest]) t.is((await auth(url, { id, skey: 'old' })).returnCode, 60012);
  t.is((await original('select * from cSessionInfo where open_id = ?', [openid])).length, 3);
  // Adopted: the log-in after that is as any other.
  t.is((await login(url, `${user}~2`)).returnData.id, newest);
});

test('users and sessions that a collation takes for equal stay different', async (t) => {
  const { returnData } = await login(url, newUser());
  await stack.database.query('update cSessionInfo set uuid = ? where uuid = ?', [`AbC${returnData.id}`, returnData.id]);
  t.is((await auth(url, { ...returnData, id: `abc${returnData.id}` })).returnCode, 60012);
  t.is((await auth(url, { ...returnData, id: `AbC${returnData.id} ` })).returnCode, 60012);
  t.is((await auth(url, { ...returnData, id: `AbC${returnData.id}` })).returnCode, 0);
});

test('an app inserted or changed by plain SQL counts within five seconds', async (t) => {
  const own = await startStack({ onClose: t.teardown.bind(t) });
  const { returnData } = await login(own.urls[0], newUser());
  await own.database.query('update cAppinfo set login_duration = -1');
  const deadline = performance.now() + 5000;
  let last = 0;
  while (performance.now() < deadline && last !== 60012) last = (await auth(own.urls[0], returnData)).returnCode;
  t.is(last, 60012);
});

test('a log-in with the code alone never overwrites a stored profile', async (t) => {
  const user = newUser();
  const first = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  t.is(first.returnData.user_info.openId, createUser(testAppid, user).openid);
  t.is(first.returnData.user_info.gender, 0);
  const { returnData: withProfile } = await login(url, `${user}~2`);
  const again = await call(url, 'qcloud.cam.id_skey', { code: `${user}~3` });
  t.deepEqual(again.returnData.user_info, withProfile.user_info);
  t.deepEqual((await auth(url, again.returnData)).returnData.user_info, withProfile.user_info);
});
