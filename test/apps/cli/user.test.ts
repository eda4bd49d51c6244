import test from 'ava';
import { openIdOf, unionIdOf } from '../../../apps/wechat-simulator/users.ts';
import { auth, call, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { openRedis } from '../../support/open-redis.ts';
import { createPerson, searchStores } from '../../support/person.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { startTestWechat } from '../../support/wechat.ts';
import { runCli } from './run-cli.ts';

const otherAppid = 'wxaaaaaaaaaaaaaaaa';
const onClose = closeAfterAll(test);
const secrets = [testAppid, otherAppid].map((appid) => [appid, testSecret] as const);
const wechat = await startTestWechat({ onClose, apps: new Map(secrets) });
const env = { WECHAT_API_BASE: wechat.url };
const stack = await startStack({ onClose, env, app: "session_policy = 'multi', max_sessions = 3" });
const { database, urls } = stack;
const [url] = urls;
await database.query('update cAppinfo set is_default = 1');
await database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, testSecret]);
await runCli(stack.env, ['cache', 'clear']);
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

const wafer = (...args: string[]) => runCli(stack.env, args);

test.serial('an export shows everything that is kept, the profile decoded, and no secret', async (t) => {
  const person = await createPerson(urls, database);
  await wafer('session', 'revoke', '--id', person.sessions[1]?.id ?? '');
  const run = await wafer('user', 'export', '--open-id', person.openId);
  t.is(run.status, 0, run.stderr);
  const shown = JSON.parse(run.stdout);
  t.is(shown.sessions.length, 2);
  const session = shown.sessions.find(({ uuid }: { uuid: string }) => uuid === person.sessions[0].id);
  t.like(session, {
    open_id: person.openId,
    union_id: person.unionId,
    appid: testAppid,
    skey: 'kept; a secret',
    session_key: 'kept; a secret',
    previous_skey: null,
    former_keys: null,
    ended_skeys: [],
    user_key: 'kept; a digest of appid and open_id',
  });
  t.is(session.profile.openId, person.openId);
  t.is(session.profile.city, 'Guangzhou');
  t.is(shown.givenUpAtAdoption[0].open_id, person.openId);
  t.is(shown.auditLog[0].target, `id ${person.sessions[1]?.id}`);
  t.is(shown.inRedis.cachedSessions, 1);
  t.is(shown.inRedis.failedDecryptsInAnHour, 30);
  t.is(shown.inRedis.answersToCodes, 2);
  t.regex(shown.inRedis.phoneNumbers[0].phone_info.purePhoneNumber, /^\d{11}$/);
  for (const [kind, spellings] of person.marks)
    if (kind === 'skey' || kind === 'session_key')
      for (const spelling of spellings) t.false(run.stdout.includes(spelling), kind);
});

test.serial('an export has every column of a session', async (t) => {
  const person = await createPerson(urls, database);
  const { json } = await wafer('user', 'export', '--open-id', person.openId, '--json');
  const columns = await database.query<{ name: string }>(
    "select column_name as name from information_schema.columns where table_schema = ? and table_name = 'cSessionInfo'",
    [database.name],
  );
  const names = columns.map(({ name }) => name).filter((name) => !name.startsWith('user_info'));
  t.deepEqual(Object.keys(json.sessions[0]).toSorted(), [...names, 'profile'].toSorted());
  t.false(JSON.stringify(json).includes('not known'), 'each is said to be shown or a secret');
});

test.serial('a former session_key is named and not shown', async (t) => {
  const person = await createPerson(urls, database);
  const former = JSON.stringify([{ key: 'AAAAAAAAAAAAAAAAAAAAAA==', until: 1 }]);
  await database.query('update cSessionInfo set former_keys = ? where open_id = ?', [former, person.openId]);
  const run = await wafer('user', 'export', '--open-id', person.openId, '--json');
  t.is(run.json.sessions[0].former_keys, 'kept; a secret');
  t.false(run.stdout.includes('AAAAAAAAAA'));
});

test.serial('every table that can name a person is one that is erased from', async (t) => {
  const found = await database.query<{ place: string }>(
    `select concat(table_name, '.', column_name) as place from information_schema.columns
     where table_schema = ? and (column_name like '%open_id%' or column_name like '%union_id%' or column_name like '%skey%'
       or column_name like '%session_key%' or column_name like '%device_%' or column_name like 'client_ip' or column_name like '%user%' or column_name like '%target%')
     order by place`,
    [database.name],
  );
  t.deepEqual(
    found.map(({ place }) => place),
    [
      // Of the operating system.
      'cWaferAudit.os_user',
      'cWaferAudit.target',
      ...[
        'client_ip',
        'device_kind',
        'device_label',
        'ended_skeys',
        'open_id',
        'previous_skey',
        'previous_skey_until',
        'session_key',
        'skey',
        'union_id',
      ].map((name) => `cSessionInfo.${name}`),
      ...['cWaferDeadLetter', 'cWaferDropped', 'cWaferEvent', 'cWaferOutbox'].map((table) => `${table}.open_id`),
      ...['user_info', 'user_info_long', 'user_key'].map((name) => `cSessionInfo.${name}`),
    ].toSorted((left, right) => (left.toLowerCase() < right.toLowerCase() ? -1 : 1)),
  );
});

test.serial('the audit log keeps what was done, and has a label in the place of the person', async (t) => {
  const person = await createPerson(urls, database);
  await wafer('session', 'revoke', '--open-id', person.openId, '--by', 'ann');
  const { json } = await wafer('user', 'erase', '--open-id', person.openId, '--by', 'bob', '--json');
  t.is(json.audit, 1);
  const { entries } = (await wafer('audit', '--limit', '2', '--json')).json;
  const label = `erased:${json.erased}`;
  t.like(entries[0], { action: 'user erase', by: 'bob', target: `user ${label}` });
  t.deepEqual(entries[0].details, { part: 'everything', sessions: 2, dropped: 1, audit: 1 });
  t.like(entries[1], { action: 'session revoke', by: 'ann', target: `open_id ${label}`, details: {} });
  t.deepEqual(Object.keys(entries[1].details), []);
});

test.serial('by unionId a person goes in every app, by openId and app as a user of that app', async (t) => {
  const name = `unionid-${newUser()}`;
  const log = async (appid: string, code: string) =>
    (await call(url, 'qcloud.cam.id_skey', { code: `${name}~${code}`, appid })).returnData as {
      id: string;
      skey: string;
    };
  const first = await log(testAppid, '1');
  const second = await log(otherAppid, '2');
  const run = await wafer('user', 'erase', '--union-id', unionIdOf(name), '--appid', otherAppid, '--json');
  t.is(run.json.sessions, 1);
  t.is((await auth(url, second)).returnCode, 60012);
  t.is((await auth(url, first)).returnCode, 0);
  const third = await log(otherAppid, '3');
  const both = await wafer('user', 'erase', '--union-id', unionIdOf(name), '--json');
  t.is(both.json.sessions, 2);
  for (const session of [first, third]) t.is((await auth(url, session)).returnCode, 60012);
  t.is((await wafer('user', 'export', '--union-id', unionIdOf(name), '--json')).json.sessions.length, 0);
});

test.serial('a row of the original, which names no app, is of the default app', async (t) => {
  const { returnData: session } = await login(url, `${newUser()}~1`);
  const [row] = await database.query<{ open_id: string }>('select open_id from cSessionInfo where uuid = ?', [
    session.id,
  ]);
  const openId = row?.open_id ?? '';
  await database.query("update cSessionInfo set appid = '' where open_id = ?", [openId]);
  t.is((await wafer('user', 'erase', '--open-id', openId, '--appid', otherAppid, '--json')).json.sessions, 0);
  t.is((await wafer('user', 'erase', '--open-id', openId, '--appid', testAppid, '--json')).json.sessions, 1);
});

test.serial('openIds that differ in case alone are two users', async (t) => {
  const person = await createPerson(urls, database);
  const twin = person.openId.replace(/^o/, 'O');
  t.is((await wafer('user', 'erase', '--open-id', twin, '--json')).json.sessions, 0);
  t.is((await auth(url, person.sessions[0])).returnCode, 0);
});

test.serial('whom nobody knows can be erased, and again', async (t) => {
  const openId = openIdOf(testAppid, newUser());
  for (let times = 0; times < 2; times++) {
    const run = await wafer('user', 'erase', '--open-id', openId, '--json');
    t.like(run, { status: 0, json: { sessions: 0, silent: [] } });
  }
});

test.serial('an erasure that was called twice ends as one', async (t) => {
  const person = await createPerson(urls, database);
  const runs = await Promise.all([1, 2].map(() => wafer('user', 'erase', '--open-id', person.openId, '--json')));
  t.deepEqual(
    runs.map(({ status }) => status),
    [0, 0],
  );
  t.deepEqual(await searchStores(person, database, redis), { mysql: [], redis: [] });
});

test.serial('one of --open-id and --union-id has to be given', async (t) => {
  for (const args of [[], ['--open-id', 'o', '--union-id', 'u'], ['--appid', testAppid], ['--open-id', '']])
    for (const command of ['erase', 'export']) t.is((await wafer('user', command, ...args)).status, 2, args.join(' '));
});
