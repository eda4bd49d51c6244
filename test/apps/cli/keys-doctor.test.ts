import { randomBytes } from 'node:crypto';
import test from 'ava';
import { checkKeys } from '../../../shared/administration/doctor/keys.ts';
import { convertApps } from '../../../shared/administration/keys/convert-apps.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { createColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { noKeys, parseKeyRing } from '../../../shared/keys/key-ring.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { defineAppInfo } from '../../../shared/store/models.ts';
import { createTestDatabase } from '../../support/database.ts';

const base64 = randomBytes(32).toString('base64');
const ring = parseKeyRing(`1:${base64}`);
const database = await createTestDatabase();
await migrate({ databaseUrl: database.url });
await database.query("insert into cAppinfo set appid = 'wx0', secret = 'in plain'");
await database.query(
  "insert into cSessionInfo set uuid = 'u', skey = 's', create_time = now(), last_visit_time = now(), open_id = 'o', session_key = 'k', user_info = ''",
);
const primary = parseDatabaseUrl(database.url);
const sequelize = openDatabase(primary, { poolSize: 1 });
test.after.always(async () => {
  await sequelize.close();
  await database.close();
});

const encryptApps = () =>
  sequelize.transaction((transaction) => convertApps(defineAppInfo(sequelize), createColumnCipher(ring), transaction));

async function check(keys = ring) {
  const [finding, ...more] = await checkKeys({ primary, replica: undefined, poolSize: 1 }, keys);
  return { ...finding, count: more.length + 1 };
}

test.serial('without keys everything is in plain, and that is a hint', async (t) => {
  const { state, found, count } = await check(noKeys);
  t.deepEqual([state, count], ['ok', 1]);
  t.regex(found ?? '', /in plain.*WAFER_KEYS/);
});

test.serial('with keys what is still in plain is a warning whose remedy is the rotation', async (t) => {
  t.like(await check(), { state: 'warning', remedy: 'npx wafer keys rotate' });
  t.deepEqual(await encryptApps(), { changed: ['wx0'], unreadable: [] });
  const { state, found } = await check();
  t.is(state, 'warning');
  t.is(found, 'app secrets: 1 with key 1; oldest and newest session_keys: 1 in plain text');
});

test.serial('with everything encrypted it is well', async (t) => {
  await database.query("update cSessionInfo set session_key = ''");
  t.is((await check()).state, 'ok');
});

test.serial('on the way back what is still encrypted is a warning', async (t) => {
  const back = parseKeyRing(`plain,1:${base64}`);
  t.like(await check(back), { state: 'warning', remedy: 'npx wafer keys plain' });
});

test.serial('a missing key is a fault', async (t) => {
  for (const keys of [noKeys, parseKeyRing(`2:${base64}`)]) {
    const { state, found } = await check(keys);
    t.is(state, 'fault');
    t.regex(found ?? '', /lacks key 1/);
  }
});

test.serial('another key under the same version, and a changed value, are faults', async (t) => {
  const other = parseKeyRing(`1:${randomBytes(32).toString('base64')}`);
  for (const keys of [other, ring]) {
    const { state, found } = await check(keys);
    t.is(state, 'fault');
    t.regex(found ?? '', /wx0 does not decrypt/);
    await database.query("update cAppinfo set secret = concat(left(secret, 20), 'AAAA', substr(secret, 25))");
  }
});

test.serial('without the tables it is not checked', async (t) => {
  await database.query('rename table cAppinfo to away');
  t.is((await check()).state, 'warning');
});
