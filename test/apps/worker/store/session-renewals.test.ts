import test from 'ava';
import { parseDatabaseUrl } from '../../../../shared/config/database-url.ts';
import { findEnd } from '../../../../shared/session/ended-skeys.ts';
import { hashSkey } from '../../../../shared/session/skey.ts';
import { fromWallClock } from '../../../../shared/session/wall-clock.ts';
import { openDatabase } from '../../../../shared/store/database.ts';
import { migrate } from '../../../../shared/store/migrate.ts';
import { maxUserInfoLength, type LoginWrite } from '../../../../apps/worker/store/login-write.ts';
import { insertSessions } from '../../../../apps/worker/store/session-inserts.ts';
import { renewSessions, type Renewal } from '../../../../apps/worker/store/session-renewals.ts';
import { findUserRows, type UserRow } from '../../../../apps/worker/store/user-rows.ts';
import { closeAfterAll } from '../../../support/closing.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { loginWriteOf } from '../../../support/login-write.ts';

const onClose = closeAfterAll(test);
const database = await createTestDatabase({ onClose });
await migrate({ databaseUrl: database.url });
const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 5 });
onClose(() => sequelize.close());
const nowUs = 1_800_000_000_000_000;
const addUsers = async (openIds: readonly string[]): Promise<void> => {
  const sessions = openIds.map((openId) => ({ id: `id of ${openId}`, erasedUser: 'x', write: loginWriteOf(openId) }));
  for (const row of await insertSessions(sequelize, sessions)) await row;
};

async function renew(renewals: readonly Renewal[]): Promise<boolean[]> {
  const written: boolean[] = [];
  for (const one of await renewSessions(sequelize, renewals)) written.push(await one);
  return written;
}

async function rowsOf(openIds: readonly string[]): Promise<UserRow[]> {
  const users = openIds.map((openId) => ({ appid: 'wx', openId, ownsUnmarked: true, wantsProfile: true }));
  return (await findUserRows(sequelize, users)).map(([row]) => row as UserRow);
}

const readRow = async (openId: string) =>
  (
    await database.query<{
      skey: string;
      create_time: Date;
      previous_skey: string | null;
      user_info: string;
      user_info_long: string | null;
      union_id: string | null;
      former_keys: string | null;
      fence: number;
      ended_skeys: Buffer | null;
    }>('select * from cSessionInfo where open_id = ?', [openId])
  )[0];

test.serial('renewals of many users are one statement, and each row gets its own session', async (t) => {
  const openIds = Array.from({ length: 40 }, (_, index) => `many${index}`);
  await addUsers(openIds);
  const rows = await rowsOf(openIds);
  const renewals = rows.map((kept, index): Renewal => ({
    kept,
    ended: [],
    nowUs,
    write: loginWriteOf(openIds[index] as string, {
      skey: `new ${index}`,
      fence: nowUs + 1,
      time: 1_700_000_000 + index,
      userInfo: index % 2 === 0 ? undefined : `e${index}=`,
      unionId: index % 3 === 0 ? `union${index}` : undefined,
      formerKeys: index % 5 === 0 ? undefined : `former ${index}`,
    }),
  }));
  const statements = await database.countStatements(async () => {
    t.true((await renew(renewals)).every(Boolean));
  });
  t.deepEqual(
    statements.map(({ kind }) => kind),
    ['update'],
  );
  for (const [index, row] of (await rowsOf(openIds)).entries()) {
    t.is(row.skey, `new ${index}`);
    t.is(row.createTime, 1_700_000_000 + index);
    t.is(row.storedUserInfo, index % 2 === 0 ? 'e30=' : `e${index}=`);
    t.is(row.unionId, index % 3 === 0 ? `union${index}` : undefined);
    t.is(row.fence, nowUs + 1);
    t.is(row.formerKeys, index % 5 === 0 ? null : `former ${index}`);
  }
});

test.serial('a renewal that comes after a later log-in is not written and says so', async (t) => {
  const openIds = ['late', 'ahead', 'plain'];
  await addUsers(openIds);
  await database.query('update cSessionInfo set fence = ? where open_id = ?', [nowUs + 50, 'late']);
  await database.query('update cSessionInfo set fence = ? where open_id = ?', [nowUs + 3_600_000_000, 'ahead']);
  const renewals = (await rowsOf(openIds)).map((kept, index): Renewal => ({
    kept,
    ended: [],
    nowUs,
    write: loginWriteOf(openIds[index] as string, { skey: 'new', fence: nowUs + 1 }),
  }));
  t.deepEqual(await renew(renewals), [false, true, true]);
  t.not((await readRow('late'))?.skey, 'new');
  t.is((await readRow('ahead'))?.skey, 'new');
});

test.serial('a row with a later profile than the one to be stored is not written', async (t) => {
  const openIds = ['dropped', 'same', 'wrong clock', 'keeps'];
  await addUsers(openIds);
  const setFence = (openId: string, fence: number) =>
    database.query('update cSessionInfo set profile_fence = ? where open_id = ?', [fence, openId]);
  await setFence('dropped', nowUs + 2);
  await setFence('wrong clock', nowUs + 3_600_000_000);
  await setFence('keeps', nowUs + 2);
  const renewalsAt = async (fence: number): Promise<Renewal[]> =>
    (await rowsOf(openIds)).map((kept, index) => ({
      kept,
      ended: [],
      nowUs,
      write: loginWriteOf(openIds[index] as string, {
        skey: `new ${fence}`,
        fence,
        profileFence: nowUs + 1,
        userInfo: openIds[index] === 'keeps' ? undefined : 'eA==',
      }),
    }));
  const expected = [false, true, true, true];
  t.deepEqual(await renew(await renewalsAt(nowUs + 3)), expected, 'together');
  const alone: boolean[] = [];
  for (const renewal of await renewalsAt(nowUs + 4)) alone.push(...(await renew([renewal])));
  t.deepEqual(alone, expected, 'each alone');
  t.deepEqual(
    (await rowsOf(openIds)).map(({ storedUserInfo, profileFence }) => [storedUserInfo, profileFence - nowUs]),
    [
      ['e30=', 2],
      ['eA==', 1],
      ['eA==', 1],
      ['e30=', 2],
    ],
  );
});

test.serial('of two renewals of one row the later log-in’s stays', async (t) => {
  await addUsers(['twice', 'other']);
  const [twice, other] = (await rowsOf(['twice', 'other'])) as [UserRow, UserRow];
  const renewalOf = (kept: UserRow, openId: string, skey: string, fence: number): Renewal => ({
    kept,
    ended: [],
    nowUs,
    write: loginWriteOf(openId, { skey, fence }),
  });
  const written = await renew([
    renewalOf(twice, 'twice', 'second', nowUs + 2),
    renewalOf(twice, 'twice', 'first', nowUs + 1),
    renewalOf(other, 'other', 'third', nowUs + 3),
  ]);
  t.deepEqual(written, [true, false, true]);
  t.is((await readRow('twice'))?.skey, 'second');
});

test.serial('a renewal gives a row its former keys, and takes those of rows that end', async (t) => {
  await addUsers(['kept']);
  await database.query(
    `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid, former_keys)
     values ('ends', 'x', '2001-01-01', '2001-01-01', 'kept', 'k', '', 'wx', 'of before')`,
  );
  const [[kept, ends] = []] = await findUserRows(sequelize, [
    { appid: 'wx', openId: 'kept', ownsUnmarked: true, wantsProfile: false },
  ]);
  const write = loginWriteOf('kept', { skey: 'new', fence: nowUs + 1, formerKeys: 'former' });
  t.deepEqual(await renew([{ kept: kept as UserRow, ended: [ends as UserRow], nowUs, write }]), [true]);
  t.deepEqual(await database.query("select uuid, former_keys from cSessionInfo where open_id = 'kept' order by id"), [
    { uuid: 'id of kept', former_keys: 'former' },
    { uuid: 'ends', former_keys: null },
  ]);
});

test.serial('a time of grace and a long profile are written as by a log-in alone', async (t) => {
  const openIds = ['grace', 'long', 'plain1', 'plain2'];
  await addUsers(openIds);
  const long = 'A'.repeat(maxUserInfoLength + 4);
  const different: Partial<LoginWrite>[] = [{ previousSkeyUntil: 1_700_000_060 }, { userInfo: long }, {}, {}];
  const renewals = (await rowsOf(openIds)).map((kept, index): Renewal => ({
    kept,
    ended: [],
    nowUs,
    write: loginWriteOf(openIds[index] as string, { skey: 'new', fence: nowUs + 1, ...different[index] }),
  }));
  t.true((await renew(renewals)).every(Boolean));
  t.is((await readRow('grace'))?.previous_skey, loginWriteOf('grace').skey);
  t.is((await readRow('plain1'))?.previous_skey, null);
  const row = await readRow('long');
  t.deepEqual([row?.user_info, row?.user_info_long], ['', long]);
  t.is(fromWallClock('2023-11-15 06:13:20'), 1_700_000_000);
});

test.serial('a row remembers how its skeys ended, in the statement that replaces them', async (t) => {
  const openIds = ['replaced', 'idle', 'changed meanwhile', 'alone and expired', 'ended before'];
  await addUsers(openIds);
  const endedBefore = 'f'.repeat(64);
  await database.query('update cSessionInfo set skey = ? where open_id = ?', [endedBefore, 'ended before']);
  const rows = await rowsOf(openIds);
  await database.query('update cSessionInfo set skey = ? where open_id = ?', ['skey of another log-in', openIds[2]]);
  const renewals = rows.map((kept, index): Renewal => ({
    kept,
    ended: [],
    nowUs,
    wasOver: index === 1 || index === 2 ? 'idle' : index === 3 ? 'expired' : undefined,
    write: loginWriteOf(openIds[index] as string, {
      skey: 'new',
      fence: nowUs + 1,
      // Alone, by the other statement.
      ...(index === 3 ? { slot: 1 } : {}),
    }),
  }));
  const statements = await database.countStatements(async () => {
    t.true((await renew(renewals)).every(Boolean));
  });
  t.deepEqual(
    statements.map(({ kind }) => kind),
    ['update', 'update'],
  );
  const endOf = async (openId: string, skey: string) =>
    findEnd((await readRow(openId))?.ended_skeys ?? undefined, hashSkey(skey), 1_700_000_000);
  const before = (openId: string) => loginWriteOf(openId).skey;
  t.is(await endOf('replaced', before('replaced')), 'replaced');
  t.is(await endOf('idle', before('idle')), 'idle');
  t.is(await endOf('changed meanwhile', 'skey of another log-in'), 'replaced');
  t.is(await endOf('changed meanwhile', before('changed meanwhile')), undefined);
  t.is(await endOf('alone and expired', before('alone and expired')), 'expired');
  t.is((await readRow('ended before'))?.ended_skeys, null);
});

test.serial('a row remembers its last eight skeys', async (t) => {
  await addUsers(['often', 'as often']);
  for (let count = 1; count <= 10; count++) {
    const renewals = (await rowsOf(['often', 'as often'])).map((kept, index): Renewal => ({
      kept,
      ended: [],
      nowUs,
      write: loginWriteOf(index === 0 ? 'often' : 'as often', { skey: `skey ${count}`, fence: nowUs + count }),
    }));
    t.true((await renew(renewals)).every(Boolean));
  }
  const entries = (await readRow('often'))?.ended_skeys ?? undefined;
  const ends = Array.from({ length: 10 }, (_, index) => findEnd(entries, hashSkey(`skey ${index + 1}`), 1_700_000_000));
  t.deepEqual(ends, [undefined, ...Array.from({ length: 8 }, () => 'replaced'), undefined]);
});
