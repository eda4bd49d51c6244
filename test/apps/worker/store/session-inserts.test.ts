import test from 'ava';
import { parseDatabaseUrl } from '../../../../shared/config/database-url.ts';
import { openDatabase } from '../../../../shared/store/database.ts';
import { migrate } from '../../../../shared/store/migrate.ts';
import { insertSessions, type NewSession } from '../../../../apps/worker/store/session-inserts.ts';
import { closeAfterAll } from '../../../support/closing.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { loginWriteOf } from '../../../support/login-write.ts';

const onClose = closeAfterAll(test);
const database = await createTestDatabase({ onClose });
await migrate({ databaseUrl: database.url });
const sequelize = openDatabase(parseDatabaseUrl(database.url), { poolSize: 5 });
onClose(() => sequelize.close());
const [server] = await database.query<{ version: string }>('select version() as version');
/** MySQL does not. */
const serverKnowsReturning = server?.version.includes('MariaDB') === true;
const sessionOf = (openId: string): NewSession => ({
  id: `id of ${openId}`,
  erasedUser: openId,
  write: loginWriteOf(openId),
});

/** Notes the statements, and makes MySQL of the server by a word that it does not know. */
function observe({ knowsReturning }: { knowsReturning: boolean }) {
  const kinds: string[] = [];
  const query = (sql: string, options: object) => {
    const [, returning] = /( returning )/.exec(sql) ?? [];
    kinds.push(`${sql.split(' ', 1)[0]}${returning === undefined ? '' : ' returning'}`);
    return sequelize.query(knowsReturning ? sql : sql.replace(' returning ', ' retourning '), options);
  };
  const observed = new Proxy(sequelize, {
    get: (target, name) => (name === 'query' ? query : (Reflect.get(target, name, target) as unknown)),
  });
  const insert = async (openIds: readonly string[]) => {
    const keys: (number | undefined)[] = [];
    for (const key of await insertSessions(observed, openIds.map(sessionOf))) keys.push(await key);
    return keys;
  };
  return { kinds, insert };
}

async function keysOf(openIds: readonly string[]): Promise<(number | undefined)[]> {
  const rows = await database.query<{ id: number; open_id: string }>('select id, open_id from cSessionInfo');
  return openIds.map((openId) => rows.find((row) => row.open_id === openId)?.id);
}

const onMariadb = serverKnowsReturning ? test : test.skip;

onMariadb('sessions inserted together tell their keys by the same statement', async (t) => {
  const { kinds, insert } = observe({ knowsReturning: true });
  const users = ['r1', 'r2', 'r3'];
  const keys = await insert(users);
  t.true(keys.every((key) => key !== undefined));
  t.deepEqual(keys, await keysOf(users));
  t.deepEqual(kinds, ['insert returning']);
});

test('a server without returning is told once, and asked for the keys from then on', async (t) => {
  const { kinds, insert } = observe({ knowsReturning: false });
  const users = ['m1', 'm2', 'm3', 'm4'];
  const keys = [...(await insert(users.slice(0, 2))), ...(await insert(users.slice(2)))];
  t.true(keys.every((key) => key !== undefined));
  t.deepEqual(keys, await keysOf(users));
  t.deepEqual(kinds, ['insert returning', 'insert', 'select', 'insert', 'select']);
});

for (const knowsReturning of [true, false])
  test(`one that came too late keeps no other from its row (returning: ${knowsReturning})`, async (t) => {
    const { insert } = observe({ knowsReturning });
    const name = (user: string) => `late ${knowsReturning} ${user}`;
    await insert([name('a')]);
    const keys = await insert(['a', 'b'].map(name));
    t.is(keys[0], undefined);
    t.deepEqual(keys[1], (await keysOf([name('b')]))[0]);
    t.not(keys[1], undefined);
  });
