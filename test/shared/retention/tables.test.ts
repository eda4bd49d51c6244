import test, { type ExecutionContext } from 'ava';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { createRetentionTables } from '../../../shared/retention/tables.ts';
import type { VisitLog } from '../../../shared/session/visit-log.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { defineAppInfo } from '../../../shared/store/models.ts';
import { createTestDatabase } from '../../support/database.ts';
import { readRows, storeSessions } from '../../support/stored-sessions.ts';

const actor = { osUser: 'worker', host: 'here' };
const old = nowSeconds() - 400 * 86_400;
const oldSession = { appid: 'wx1', createTime: old, lastVisitTime: old };

/** @param between what happens after a window was looked at, before its rows leave */
async function openSessions(t: ExecutionContext, between: (query: Query) => Promise<unknown> = async () => undefined) {
  const database = await createTestDatabase({ onClose: t.teardown.bind(t) });
  await migrate({ databaseUrl: database.url });
  await database.query("insert into cAppinfo set appid = 'wx1', secret = 's'");
  // One connection is enough: nothing waits for a second one in a transaction.
  const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 1 });
  t.teardown(() => sequelize.close());
  const visits = {
    async read() {
      await between(database.query);
      return { complete: true, visits: new Map() };
    },
  } as unknown as VisitLog;
  const appInfo = defineAppInfo(sequelize);
  const settings = { sessionDays: 30, auditDays: undefined };
  const tables = createRetentionTables(settings, { sequelize, appInfo, visits, actor, nowSeconds: nowSeconds() });
  return { database, sessions: tables[0] as (typeof tables)[number] };
}
type Query = Awaited<ReturnType<typeof createTestDatabase>>['query'];

test('a row that a log-in renews while its window is about to leave stays', async (t) => {
  const { database, sessions } = await openSessions(t, (query) =>
    query('update cSessionInfo set create_time = now(), last_visit_time = now() where id = 4'),
  );
  await storeSessions(
    database,
    Array.from({ length: 10 }, () => oldSession),
  );
  t.is(await sessions.remove(0, 100, true), 9);
  t.deepEqual(await readRows(database), [4]);
});

test('limits that become longer while a window is about to leave keep its rows', async (t) => {
  const { database, sessions } = await openSessions(t, (query) =>
    query('update cAppinfo set login_duration = 1000, session_duration = 100000000'),
  );
  await storeSessions(
    database,
    Array.from({ length: 10 }, () => oldSession),
  );
  t.is(await sessions.remove(0, 100, true), 0);
  t.is((await readRows(database)).length, 10);
});

test('the audit log names nobody of whom no row is left, so that no erasure misses it', async (t) => {
  const { database, sessions } = await openSessions(t, (query) =>
    query('update cSessionInfo set create_time = now(), last_visit_time = now() where id = 4'),
  );
  const stored = await storeSessions(
    database,
    Array.from({ length: 6 }, () => oldSession),
  );
  await database.query("update cSessionInfo set open_id = concat('open', id), union_id = concat('union', id)");
  // Another session of the user of row 2, which stays, and nearly that of row 1.
  await database.query("update cSessionInfo set open_id = 'open2', union_id = 'union2' where id = 4");
  await database.query("update cSessionInfo set open_id = 'OPEN3' where id = 3");
  const idOf = (row: number) => stored.find((each) => each.row === row)?.id ?? '';
  const entries: [target: string, rows: number[], action?: string][] = [
    [`id ${idOf(1)}`, [1]],
    ['open_id open1', [1]],
    ['union_id union1', [1, 99]],
    [`id ${idOf(2)}`, [2]],
    ['open_id open2', [2, 4]],
    ['union_id union2', [2, 4]],
    [`id ${idOf(4)}`, [4]],
    ['open_id open3', [3]],
    ['open_id somebody', [77]],
    ['open_id open1', [], 'app set'],
    ['everything', []],
  ];
  await database.query('insert into cWaferAudit (at, os_user, host, action, target, details) values ?', [
    entries.map(([target, rows, action = 'session revoke']) => [
      '2026-01-01',
      'root',
      'here',
      action,
      target,
      JSON.stringify({ rows, appid: 'wx1' }),
    ]),
  ]);
  t.is(await sessions.remove(0, 100, true), 5);
  const left = await database.query<{ target: string; details: string }>(
    'select target, details from cWaferAudit order by id',
  );
  t.deepEqual(
    left.map(({ target, details }) => [target, (JSON.parse(details) as { rows?: number[] }).rows]),
    [
      ['id removed by retention', undefined],
      ['open_id removed by retention', undefined],
      ['union_id removed by retention', undefined],
      ['id removed by retention', undefined],
      ['open_id open2', [2, 4]],
      ['union_id union2', [2, 4]],
      [`id ${idOf(4)}`, [4]],
      ['open_id open3', [3]],
      ['open_id somebody', [77]],
      ['open_id open1', []],
      ['everything', []],
    ],
  );
});

test('while there is no app at all no session leaves', async (t) => {
  const { database, sessions } = await openSessions(t);
  await storeSessions(
    database,
    Array.from({ length: 10 }, () => oldSession),
  );
  await database.query('delete from cAppinfo');
  t.is(await sessions.remove(0, 100, true), 0);
});

test('sessions of an app with endless limits never leave, not even with zero dates', async (t) => {
  const { database, sessions } = await openSessions(t);
  const zero = { appid: 'wx1', createTime: undefined, lastVisitTime: undefined };
  await storeSessions(database, [oldSession, zero]);
  await database.query('update cAppinfo set login_duration = 2147483647, session_duration = 2147483647');
  t.is(await sessions.remove(0, 100, true), 0);
  await database.query('update cAppinfo set login_duration = null, session_duration = null');
  t.is(await sessions.remove(0, 100, true), 2, 'without limits the defaults count');
});

test('windows go over gaps in the primary keys, and count their rows', async (t) => {
  const { database, sessions } = await openSessions(t);
  await storeSessions(
    database,
    Array.from({ length: 700 }, () => oldSession),
  );
  await database.query('update cSessionInfo set id = id + 1000000 where id > 400 order by id desc');
  t.deepEqual(await sessions.findWindow(0), { last: 1_000_500, rows: 500 });
  t.deepEqual(await sessions.findWindow(1_000_500), { last: 1_000_700, rows: 200 });
  t.is(await sessions.findWindow(1_000_700), undefined);
  t.is(await sessions.count(0, 1_000_500), 500);
});
