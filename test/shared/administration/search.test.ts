import { randomBytes } from 'node:crypto';
import test from 'ava';
import { UnfitRequest } from '../../../shared/administration/failure.ts';
import { searchSessions, type SessionFilters } from '../../../shared/administration/search-sessions.ts';
import { sessionStates } from '../../../shared/administration/session-state.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { encodeEnd, type EndReason } from '../../../shared/session/ended-skeys.ts';
import { nowSeconds, toWallClock } from '../../../shared/session/wall-clock.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { defineAppInfo, defineSessionInfo } from '../../../shared/store/models.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createTestDatabase } from '../../support/database.ts';

const onClose = closeAfterAll(test);
const stored = await createTestDatabase({ onClose });
await migrate({ databaseUrl: stored.url });
const sequelize = openDatabase(parseDatabaseUrl(stored.url), { poolSize: 2 });
onClose(() => sequelize.close());
const database = { sequelize, appInfo: defineAppInfo(sequelize), sessionInfo: defineSessionInfo(sequelize) };

const [first, second, gone] = ['wx1111111111111111', 'wx2222222222222222', 'wx3333333333333333'];
for (const [appid, isDefault] of [
  [first, 0],
  [second, 1],
] as const)
  await stored.query('insert into cAppinfo set ?', [{ appid, secret: 's', is_default: isDefault }]);

const day = 86_400;
const now = nowSeconds();

interface Row {
  readonly appid?: string | null;
  readonly openId?: string;
  readonly unionId?: string;
  /** Seconds before now. */
  readonly loggedIn?: number;
  readonly visited?: number;
  readonly ended?: EndReason;
}

async function store(rows: readonly Row[]): Promise<number[]> {
  await stored.query('delete from cSessionInfo');
  await stored.query("set sql_mode = ''");
  const values = rows.map(({ appid = first, openId, unionId, loggedIn = 0, visited = loggedIn, ended }) => {
    const end =
      ended === undefined ? null : Buffer.concat([Buffer.from(encodeEnd(ended, now), 'hex'), randomBytes(16)]);
    return [
      randomBytes(16).toString('hex'),
      randomBytes(ended === undefined ? 16 : 32).toString('hex'),
      toTime(loggedIn),
      toTime(visited),
      openId ?? `o${randomBytes(13).toString('hex')}`,
      '',
      '',
      appid,
      unionId ?? null,
      end,
    ];
  });
  for (let from = 0; from < values.length; from += 1000)
    await stored.query(
      'insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid, union_id, ended_skeys) values ?',
      [values.slice(from, from + 1000)],
    );
  return (await stored.query<{ id: number }>('select id from cSessionInfo order by id')).map(({ id }) => id);
}

function toTime(secondsAgo: number): string {
  return secondsAgo === Infinity ? '0000-00-00 00:00:00' : toWallClock(now - secondsAgo);
}

async function searchAll(
  filters: SessionFilters,
  limit = 7,
): Promise<{ rows: number[]; pages: number; looked: number }> {
  const rows: number[] = [];
  let cursor: string | undefined;
  let pages = 0;
  let looked = 0;
  do {
    const page = await searchSessions(database, undefined, filters, { limit, cursor });
    rows.push(...page.sessions.map(({ session }) => session.row));
    pages++;
    looked += page.looked;
    cursor = page.next;
  } while (cursor !== undefined);
  return { rows, pages, looked };
}

const ascending = (one: number, other: number) => one - other;
const random = (count: number) => Math.floor(Math.random() * count);

test.serial('all pages together are every session once, the latest log-in first', async (t) => {
  const apps = [first, second, gone, '', null];
  const rows = Array.from({ length: 200 }, (): Row => {
    const loggedIn = random(20) === 0 ? Infinity : random(30);
    return { appid: apps[random(apps.length)] ?? null, loggedIn };
  });
  const ids = await store(rows);
  const wanted = ids.toSorted((one, other) => {
    const at = (id: number) => rows[ids.indexOf(id)]?.loggedIn ?? 0;
    return at(one) === at(other) ? other - one : at(one) < at(other) ? -1 : 1;
  });
  for (const limit of [1, 7, 200, 201]) t.deepEqual((await searchAll({}, limit)).rows, wanted, `limit ${limit}`);
});

test.serial('a list is whole where the row format lets a key hold a part of the appid alone', async (t) => {
  const shorten = (columns: string) =>
    stored.query(`alter table cSessionInfo drop key app_login, add key app_login (${columns})`);
  const ids = await store([{}, { appid: second }, { appid: gone }, { appid: null }, { appid: '' }]);
  await stored.query('insert into cWaferRevocation (what, revoked_before) values (?, 1)', [`app ${gone}`]);
  await shorten('appid(191), create_time');
  t.deepEqual((await searchAll({}, 2)).rows, ids.toReversed());
  t.deepEqual((await searchAll({ appid: second })).rows, [ids[4], ids[3], ids[1]]);
  await shorten('appid, create_time');
});

test.serial('each filter leaves exactly the sessions that are meant', async (t) => {
  const rows: readonly Row[] = [
    { openId: 'oUser', unionId: 'uOne', loggedIn: 100 },
    { openId: 'OUSER', unionId: 'UONE', loggedIn: 90 },
    { openId: 'oUser', appid: second, loggedIn: 80, visited: 10 },
    { openId: 'oOther', appid: null, unionId: 'uOne', loggedIn: 70, visited: 40 },
    { openId: 'oThird', appid: '', loggedIn: 60, visited: 20 },
    { openId: 'oFourth', appid: 'WX1111111111111111', loggedIn: 50 },
  ];
  const ids = await store(rows);
  const cases: readonly [filters: SessionFilters, wanted: readonly number[]][] = [
    [{ openId: 'oUser' }, [2, 0]],
    [{ openId: 'oUser', appid: first }, [0]],
    [{ unionId: 'uOne' }, [3, 0]],
    [{ appid: first }, [1, 0]],
    // The default app has also those that name none.
    [{ appid: second }, [4, 3, 2]],
    [{ loggedInFrom: now - 80, loggedInTo: now - 60 }, [4, 3, 2]],
    [{ loggedInFrom: now - 80, appid: first }, []],
    [{ visitedFrom: now - 40 }, [2, 4, 3]],
    [{ visitedFrom: now - 40, visitedTo: now - 20 }, [4, 3]],
    [{ visitedFrom: now - 40, loggedInFrom: now - 60 }, [4]],
    [{ visitedTo: now - 40, appid: second }, [3]],
    [{ openId: 'oNobody' }, []],
  ];
  for (const [filters, wanted] of cases)
    for (const limit of [1, 50])
      t.deepEqual(
        (await searchAll(filters, limit)).rows,
        wanted.map((index) => ids[index] as number),
        `${JSON.stringify(filters)} limit ${limit}`,
      );
  const [{ uuid }] = (await stored.query<{ uuid: string }>('select uuid from cSessionInfo where id = ?', [ids[3]])) as [
    { uuid: string },
  ];
  t.deepEqual((await searchAll({ id: uuid })).rows, [ids[3]]);
  t.deepEqual((await searchAll({ id: uuid.toUpperCase() })).rows, /[a-f]/.test(uuid) ? [] : [ids[3]]);
});

test.serial('each session is in one state, and found by it alone', async (t) => {
  const rows: readonly (Row & { state: (typeof sessionStates)[number] })[] = [
    { state: 'live', loggedIn: 5 },
    { state: 'live', appid: null, loggedIn: 5 },
    { state: 'expired', loggedIn: 31 * day, visited: 60 },
    { state: 'idle', loggedIn: 29 * day, visited: 29 * day },
    { state: 'revoked', ended: 'revoked' },
    { state: 'replaced', ended: 'replaced' },
    { state: 'logged_out', ended: 'logged_out' },
    { state: 'revoked', appid: second, loggedIn: 3600 },
    { state: 'app_removed', appid: gone },
  ];
  const ids = await store(rows);
  await stored.query('update cAppinfo set session_duration = ? where appid = ?', [20 * day, first]);
  await stored.query('update cAppinfo set revoked_before = ? where appid = ?', [(now - 1800) * 1_000_000, second]);
  for (const state of sessionStates) {
    const wanted = ids.filter((_, index) => rows[index]?.state === state);
    t.deepEqual((await searchAll({ state })).rows.toSorted(ascending), wanted.toSorted(ascending), state);
  }
  await stored.query('update cAppinfo set session_duration = default, revoked_before = 0');
});

test.serial('what is rare is looked for over pages of bounded work', async (t) => {
  const rows = Array.from({ length: 12_000 }, (_, index): Row => ({ loggedIn: index }));
  const ids = await store([...rows, { loggedIn: 20_000, ended: 'logged_out' }]);
  const page = await searchSessions(database, undefined, { state: 'logged_out' }, { limit: 50 });
  t.deepEqual(page.sessions, []);
  t.true(page.looked <= 5250, `${page.looked}`);
  t.not(page.next, undefined);
  const all = await searchAll({ state: 'logged_out' }, 50);
  t.deepEqual(all.rows, ids.slice(-1));
  t.is(all.looked, 12_001);
});

test.serial('a cursor is good for the filters that it came with alone', async (t) => {
  await store([{}, {}, {}]);
  const { next } = await searchSessions(database, undefined, { appid: first }, { limit: 1 });
  for (const cursor of ['', 'x', Buffer.from('a.b.c').toString('base64url')])
    await t.throwsAsync(searchSessions(database, undefined, { appid: first }, { limit: 1, cursor }), {
      instanceOf: UnfitRequest,
    });
  await t.throwsAsync(searchSessions(database, undefined, { appid: second }, { limit: 1, cursor: next }), {
    instanceOf: UnfitRequest,
    message: /other filters/,
  });
  const same = { state: undefined, appid: first };
  t.is((await searchSessions(database, undefined, same, { limit: 1, cursor: next })).sessions.length, 1);
});

test.serial('a page reads no more of the table than it shows', async (t) => {
  await store(
    Array.from({ length: 3000 }, (_, index): Row => ({ appid: [first, second][index % 2] as string, loggedIn: index })),
  );
  const { next } = await searchSessions(database, undefined, {}, { limit: 200 });
  const cursor = next as string;
  for (const [filters, at] of [
    [{}, undefined],
    [{}, cursor],
    [{ appid: first, loggedInTo: now - 500 }, undefined],
    [{ visitedFrom: now - 2000 }, undefined],
  ] as const) {
    const read = await countReadRows(() => searchSessions(database, undefined, filters, { limit: 20, cursor: at }));
    t.true(read < 600, `${JSON.stringify(filters)}: ${read} rows read`);
  }
});

/** Rows that the server reads for the statements of this work, by whichever way. */
async function countReadRows(work: () => Promise<unknown>): Promise<number> {
  const statements = await stored.countStatements(work);
  const read = async () => {
    const rows = await stored.query<{ Value: string }>("show session status like 'Handler_read%'");
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
  };
  const before = await read();
  for (const { text, kind } of statements) if (kind === 'select') await stored.query(text);
  return (await read()) - before;
}
