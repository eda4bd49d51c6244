import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Sequelize } from 'sequelize';
import { convertSessions } from '../../../shared/administration/keys/convert-sessions.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { createColumnCipher, sealedVersion, sessionKeyPlace } from '../../../shared/keys/column-cipher.ts';
import { parseKeyRing } from '../../../shared/keys/key-ring.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { createTestDatabase } from '../../support/database.ts';

const cipher = createColumnCipher(parseKeyRing(`1:${randomBytes(32).toString('base64')}`));
const database = await createTestDatabase();
await migrate({ databaseUrl: database.url });
const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 2 });
test.after.always(async () => {
  await sequelize.close();
  await database.close();
});

const options = { after: 0, rowsPerSecond: 1_000_000, onProgress: () => undefined };

async function fill(count: number): Promise<void> {
  await database.query('delete from cSessionInfo');
  const rows = Array.from({ length: count }, (_, index) => [`id${index}`, `open${index}`, `key${index}`]);
  await database.query(
    "insert into cSessionInfo (uuid, open_id, session_key, skey, create_time, last_visit_time, user_info) select u, o, k, 's', now(), now(), '' from (" +
      rows.map(() => 'select ? as u, ? as o, ? as k').join(' union all ') +
      ') t',
    rows.flat(),
  );
}

interface Row {
  readonly id: number;
  readonly appid: string | null;
  readonly open_id: string;
  readonly session_key: string;
}

const readRows = () => database.query<Row>('select id, appid, open_id, session_key from cSessionInfo order by id');
const openRow = ({ appid, open_id, session_key }: Row) => cipher.open(sessionKeyPlace(appid, open_id), session_key);

/** The same database, of which somebody else is quicker before the first statement that begins like this. */
function withIntruder(begin: string, intrude: () => Promise<unknown>): Sequelize {
  let isOver = false;
  const query = async (sql: string, values: object): Promise<unknown> => {
    if (!isOver && sql.startsWith(begin)) {
      isOver = true;
      await intrude();
    }
    return sequelize.query(sql, values);
  };
  return { query } as unknown as Sequelize;
}

test.serial('a session_key that a log-in writes during the rotation stays', async (t) => {
  await fill(3);
  const raced = withIntruder('update', () =>
    database.query("update cSessionInfo set session_key = 'newer', appid = 'wx0' where uuid = 'id1'"),
  );
  const done = await convertSessions(raced, cipher, options);
  t.like(done, { rows: 3, changed: 3, unreadable: 0 });
  const rows = await readRows();
  t.true(rows.every((row) => sealedVersion(row.session_key) === 1));
  t.deepEqual(rows.map(openRow), ['key0', 'newer', 'key2']);
});

test.serial('a row that only gets its app meanwhile is bound to that app', async (t) => {
  await fill(1);
  const raced = withIntruder('update', () => database.query("update cSessionInfo set appid = 'wx0'"));
  await convertSessions(raced, cipher, options);
  t.deepEqual((await readRows()).map(openRow), ['key0']);
});

test.serial('a row that is deleted meanwhile is no fault', async (t) => {
  await fill(2);
  const raced = withIntruder('update', () => database.query("delete from cSessionInfo where uuid = 'id0'"));
  t.is((await convertSessions(raced, cipher, options)).changed, 1);
  t.deepEqual((await readRows()).map(openRow), ['key1']);
});

test.serial('a run that was cut off is finished by the next, which changes nothing twice', async (t) => {
  await fill(1200);
  let chunks = 0;
  const stop = () => {
    if (++chunks === 2) throw new Error('cut off');
  };
  await t.throwsAsync(convertSessions(sequelize, cipher, { ...options, onProgress: stop }), { message: 'cut off' });
  const before = await readRows();
  t.is(before.filter((row) => sealedVersion(row.session_key) === 1).length, 1000);
  const done = await convertSessions(sequelize, cipher, options);
  t.like(done, { rows: 1200, changed: 200 });
  const after = await readRows();
  t.deepEqual(after.slice(0, 1000), before.slice(0, 1000));
  t.deepEqual(
    after.map(openRow),
    after.map((_, index) => `key${index}`),
  );
});

test.serial('while the database is away a run waits, and goes on when it is back', async (t) => {
  await fill(1000);
  let chunks = 0;
  const cutOnce = () => {
    if (++chunks !== 1) return;
    database.cut();
    setTimeout(() => database.restore(), 300);
  };
  t.like(await convertSessions(sequelize, cipher, { ...options, onProgress: cutOnce }), { changed: 1000 });
});
