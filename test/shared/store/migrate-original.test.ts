import test, { type ExecutionContext } from 'ava';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { findServer, loadOriginal, reserveDatabase } from './migration-database.ts';

const server = await findServer();
test.after.always(() => server.stop());

async function adopt(t: ExecutionContext): Promise<Connection> {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await migrate({ databaseUrl: database.url });
  return connection;
}

const insert = (
  uuid: string,
  openId: string,
) => `insert into cSessionInfo set uuid='${uuid}', skey='5e', create_time='2026-11-22 20:00:00',
  last_visit_time='2026-11-22 20:00:00', open_id='${openId}', session_key='a2V5', user_info='e30='`;

async function select(connection: Connection, sql: string): Promise<RowDataPacket[]> {
  return (await connection.query<RowDataPacket[]>(sql))[0];
}

test('the original finds its app by name, with the defaults of its columns', async (t) => {
  const connection = await adopt(t);
  const rows = await select(connection, 'select * from cAppinfo');
  t.is(rows.length, 1);
  t.like(rows[0], {
    appid: 'wx0123456789abcdef',
    login_duration: null,
    session_duration: null,
    qcloud_appid: 'appid_qcloud',
    ip: '0.0.0.0',
  });
});

test('the original replaces its app', async (t) => {
  const connection = await adopt(t);
  await connection.query('delete from cAppinfo');
  t.is((await select(connection, 'select * from cAppinfo')).length, 0);
  await connection.query("insert into cAppinfo set appid='wxnew', secret='s', qcloud_appid='q', ip='1.2.3.4'");
  t.like((await select(connection, 'select * from cAppinfo'))[0], {
    appid: 'wxnew',
    secret: 's',
    login_duration: 30,
    session_duration: 2592000,
    ip: '1.2.3.4',
    allow_sign: 0,
    undecrypted: 'refuse',
  });
});

test("the README's own insert of an app is enough", async (t) => {
  const connection = await adopt(t);
  await connection.query("insert into cAppinfo set appid='wxnew',secret='s'");
  t.like((await select(connection, "select * from cAppinfo where appid='wxnew'"))[0], {
    login_duration: 30,
    session_duration: 2592000,
    qcloud_appid: 'appid_qcloud',
  });
});

test('the original finds an adopted session by id and skey, and an id by open_id', async (t) => {
  const connection = await adopt(t);
  const found = await select(
    connection,
    "select * from cSessionInfo where uuid='8a2c93909a4320bd7ca3e4a35f71f979' and skey='8d49839fa5b0f59b74135ecd063e9fa3'",
  );
  t.like(found[0], {
    id: 251,
    open_id: 'oQqg8dkG21cVXmjfpPjD-4YpjDEy',
    session_key: 'iELLJBAgY6047KHMi3xoow==',
    last_visit_time: '2026-11-22 12:01:21',
  });
  const ids = await select(connection, "select uuid from cSessionInfo where open_id='oCNke470pmXkrHwAC_ONpM7l5j94'");
  t.is(ids[0]?.['uuid'], '10773bacccb0797b2ac21f7242248056');
});

test('a session that the original inserts has neutral values in our columns', async (t) => {
  const connection = await adopt(t);
  const [{ insertId, warningStatus }] = await connection.query<ResultSetHeader>(insert('11', 'o1'));
  t.is(insertId, 255);
  t.is(warningStatus, 0);
  t.like((await select(connection, "select * from cSessionInfo where uuid='11' and skey='5e'"))[0], {
    create_time: '2026-11-22 20:00:00',
    user_info: 'e30=',
    appid: null,
    user_key: null,
    slot: null,
    fence: 0,
    union_id: null,
    user_info_long: null,
    former_keys: null,
  });
});

test('two inserts of one uuid and of one open_id succeed', async (t) => {
  const connection = await adopt(t);
  for (const statement of [insert('11', 'o1'), insert('11', 'o2'), insert('12', 'o1')])
    await connection.query(statement);
  t.is((await select(connection, "select id from cSessionInfo where uuid='11'")).length, 2);
  t.is((await select(connection, "select uuid from cSessionInfo where open_id='o1'")).length, 2);
});

test('the original renews a session, a row of ours too, without touching our columns', async (t) => {
  const connection = await adopt(t);
  await connection.query(insert('11', 'o1'));
  const ours = {
    appid: 'wx0123456789abcdef',
    slot: 0,
    fence: 1_790_000_000_000_000,
    union_id: 'u1',
    former_keys: '[[1,"k"]]',
  };
  await connection.query("update cSessionInfo set user_key=unhex(sha2('x', 256)), ? where uuid='11'", [ours]);
  const [{ affectedRows }] = await connection.query<ResultSetHeader>(
    "update cSessionInfo set session_key='bmV3', create_time='2026-11-22 21:00:00', last_visit_time='2026-11-22 21:00:00', skey='5f', user_info='bmV3' where uuid='11'",
  );
  t.is(affectedRows, 1);
  t.like((await select(connection, "select * from cSessionInfo where uuid='11' and skey='5f'"))[0], {
    ...ours,
    session_key: 'bmV3',
    create_time: '2026-11-22 21:00:00',
    user_info: 'bmV3',
  });
  await connection.query("update cSessionInfo set last_visit_time='2026-11-22 22:00:00' where uuid='11'");
  t.like((await select(connection, "select * from cSessionInfo where uuid='11'"))[0], {
    last_visit_time: '2026-11-22 22:00:00',
    create_time: '2026-11-22 21:00:00',
  });
});

test('two rows of ours for one user and slot are refused', async (t) => {
  const connection = await adopt(t);
  await connection.query(`${insert('11', 'o1')}; ${insert('12', 'o1')}`);
  await connection.query("update cSessionInfo set user_key=unhex(sha2('x', 256)), slot=0 where uuid='11'");
  await t.throwsAsync(
    connection.query("update cSessionInfo set user_key=unhex(sha2('x', 256)), slot=0 where uuid='12'"),
    { code: 'ER_DUP_ENTRY' },
  );
});

test('a profile longer than the old column fits', async (t) => {
  const connection = await adopt(t);
  await connection.query(insert('11', 'o1').replace("'e30='", `'${'x'.repeat(12000)}'`));
  t.is(
    (await select(connection, "select length(user_info) as length from cSessionInfo where uuid='11'"))[0]?.['length'],
    12000,
  );
});
