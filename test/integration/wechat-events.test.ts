import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { createPerson, readOwn, searchStores } from '../support/person.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 2, app: "session_policy = 'multi', max_sessions = 3" });
const { database, urls } = stack;
const [url] = urls;
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

let count = 0;
async function addCaller(...options: string[]): Promise<string> {
  const run = await runCli(stack.env, ['caller', 'add', `caller${count++}`, '--json', ...options]);
  if (run.status !== 0) throw new Error(run.stderr);
  return `${url}/k/${run.json.key}`;
}

const base = await addCaller('--may', 'default,forget,wechat-event');

interface Answered {
  readonly status: number;
  readonly text: string;
}

async function send(body: string | Buffer, to = base): Promise<Answered> {
  const response = await fetch(`${to}/wechat-event`, { method: 'POST', body: Buffer.from(body) });
  return { status: response.status, text: await response.text() };
}

type Fields = Readonly<Record<string, string | number>>;

const eventOf = (openId: string, event: string, more: Fields = {}): Fields => ({
  ToUserName: 'gh_870882ca4b1a',
  FromUserName: openId,
  CreateTime: 1627359464,
  MsgType: 'event',
  Event: event,
  OpenID: openId,
  AppID: testAppid,
  ...more,
});

const toXml = (fields: Fields): string =>
  [
    '<xml>',
    ...Object.entries(fields).map(([name, value]) =>
      typeof value === 'number' ? `  <${name}>${value}</${name}>` : `  <${name}><![CDATA[${value}]]></${name}>`,
    ),
    '</xml>',
  ].join('\n');

const success = { status: 200, text: 'success' };
const formats = [
  ['XML', toXml],
  ['JSON', (fields: Fields) => JSON.stringify(fields)],
] as const;

const nickNameOf = async (session: { id: string; skey: string }): Promise<unknown> =>
  (await auth(url, session)).returnData.user_info?.nickName;

async function phoneNumbersOf(openId: string): Promise<number> {
  const run = await runCli(stack.env, ['user', 'export', '--open-id', openId, '--json']);
  return run.json.inRedis.phoneNumbers.length as number;
}

for (const [format, render] of formats) {
  test.serial(`user_authorization_cancellation erases the user (${format})`, async (t) => {
    const person = await createPerson(urls, database);
    const other = await createPerson(urls, database);
    const own = await readOwn(other, database, redis);
    t.deepEqual(await send(render(eventOf(person.openId, 'user_authorization_cancellation'))), success);
    for (const session of person.sessions) t.is((await auth(url, session)).returnCode, 60012);
    await until('nothing is left', async () => {
      const { mysql, redis: inRedis } = await searchStores(person, database, redis);
      return mysql.length + inRedis.length === 0;
    });
    t.deepEqual(await readOwn(other, database, redis), own, 'another user has what was there before');
    const [entry] = (await runCli(stack.env, ['audit', '--limit', '1', '--json'])).json.entries;
    t.like(entry, { osUser: 'worker', by: 'caller caller0', action: 'user_authorization_cancellation' });
    t.regex(entry.target, /^user erased:[\w-]{32}$/);
  });

  for (const [event, more] of [
    ['user_info_modified', {}],
    ['user_authorization_revoke', { RevokeInfo: '6' }],
    ['user_authorization_revoke', { RevokeInfo: 6 }],
  ] as const) {
    test.serial(`${event} ${JSON.stringify(more)} drops name and picture (${format})`, async (t) => {
      const person = await createPerson(urls, database);
      const [session] = person.sessions;
      t.truthy(await nickNameOf(session));
      t.deepEqual(await send(render(eventOf(person.openId, event, more))), success);
      for (const each of person.sessions) t.is(await nickNameOf(each), '');
      t.is((await auth(url, session)).returnData.user_info.openId, person.openId);
      await until('no copy is left', async () => {
        const { mysql, redis: inRedis } = await searchStores(person, database, redis);
        return ![...mysql, ...inRedis].includes('profile');
      });
      t.is(await phoneNumbersOf(person.openId), 1);
    });
  }

  test.serial(`user_authorization_revoke of 8 drops the phone number alone (${format})`, async (t) => {
    const person = await createPerson(urls, database);
    t.is(await phoneNumbersOf(person.openId), 1);
    const revoked = eventOf(person.openId, 'user_authorization_revoke', { RevokeInfo: '8' });
    t.deepEqual(await send(render(revoked)), success);
    await until('the number is gone', async () => (await phoneNumbersOf(person.openId)) === 0);
    t.truthy(await nickNameOf(person.sessions[0]));
  });

  test.serial(`what is about nothing that is kept changes nothing and is a success (${format})`, async (t) => {
    const person = await createPerson(urls, database);
    const own = await readOwn(person, database, redis);
    for (const fields of [
      eventOf(person.openId, 'user_authorization_revoke', { RevokeInfo: '1' }),
      eventOf(person.openId, 'user_authorization_revoke'),
      eventOf(person.openId, 'user_authorization_revoke', { RevokeInfo: '6', PluginID: 'wxplugin', OpenPID: 'o' }),
      eventOf(person.openId, 'weapp_audit_success'),
      eventOf(openIdOf(testAppid, newUser()), 'user_info_modified'),
      eventOf(openIdOf(testAppid, newUser()), 'user_authorization_cancellation'),
    ])
      t.deepEqual(await send(render(fields)), success);
    t.deepEqual(await readOwn(person, database, redis), own);
  });
}

test.serial('qcloud.cam.forget erases the user of the session and nobody else', async (t) => {
  const person = await createPerson(urls, database);
  const other = await createPerson(urls, database);
  const own = await readOwn(other, database, redis);
  const { id, skey } = person.sessions[0];
  t.is((await call(base, 'qcloud.cam.forget', { id, skey: 'wrong' })).returnCode, 60012);
  t.is((await call(base, 'qcloud.cam.forget', { id, skey })).returnMessage, 'FORGET_SUCCESS');
  for (const session of person.sessions) t.is((await auth(url, session)).returnCode, 60012);
  t.is((await call(base, 'qcloud.cam.forget', { id, skey })).returnCode, 60012);
  await until('nothing is left', async () => {
    const { mysql, redis: inRedis } = await searchStores(person, database, redis);
    return mysql.length + inRedis.length === 0;
  });
  t.deepEqual(await readOwn(other, database, redis), own);
});

test.serial('sixty users who are to be forgotten at once all are', async (t) => {
  const sessions = await Promise.all(
    Array.from(
      { length: 60 },
      async () => (await login(url, `${newUser()}~1`)).returnData as { id: string; skey: string },
    ),
  );
  const answers = await Promise.all(sessions.map((session) => call(base, 'qcloud.cam.forget', session)));
  t.deepEqual([...new Set(answers.map(({ returnMessage }) => returnMessage))], ['FORGET_SUCCESS']);
  const ids = sessions.map(({ id }) => id);
  t.deepEqual(await database.query('select id from cSessionInfo where uuid in (?)', [ids]), []);
});

test.serial('neither is for callers who were not let, nor for anybody without a key', async (t) => {
  const { returnData: session } = await login(url, `${newUser()}~1`);
  const event = toXml(eventOf(openIdOf(testAppid, newUser()), 'user_info_modified'));
  const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.forget', para: session } });
  for (const to of [await addCaller(), await addCaller('--may', 'default,token'), await addCaller('--may', 'auth')]) {
    t.deepEqual(await send(event, to), { status: 403, text: '{"error":"caller_not_permitted"}' });
    t.is((await fetch(`${to}/mina_auth/`, { method: 'POST', body })).status, 403);
  }
  t.is((await fetch(`${url}/mina_auth/`, { method: 'POST', body })).status, 403);
  t.deepEqual(await send(event, url), { status: 401, text: '{"error":"caller_key_missing"}' });
  t.is((await send(event, `${url}/k/${'x'.repeat(43)}`)).status, 401);
  t.is((await auth(url, session)).returnCode, 0);
});

test.serial('a caller of one app passes on events of that app alone', async (t) => {
  const bound = await addCaller('--app', testAppid, '--may', 'wechat-event');
  const openId = openIdOf(testAppid, newUser());
  t.deepEqual(await send(toXml(eventOf(openId, 'user_info_modified')), bound), success);
  t.deepEqual(await send(toXml(eventOf(openId, 'user_info_modified', { AppID: '' })), bound), success);
  for (const to of [bound, base])
    t.deepEqual(await send(toXml(eventOf(openId, 'user_info_modified', { AppID: 'wxother' })), to), {
      status: 400,
      text: '{"error":"unknown_app"}',
    });
});

const malformed = { status: 400, text: '{"error":"event_malformed"}' };
const plain = '<Event>user_info_modified</Event><OpenID>oX</OpenID>';
/** As deep as the bound of bytes lets it be. */
const laughs = Array.from({ length: 30 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');

for (const [what, body] of [
  ['nothing', ''],
  ['text', 'hello'],
  ['a document type', `<!DOCTYPE xml [<!ENTITY e "x">]><xml>${plain}</xml>`],
  ['entities in entities', `<!DOCTYPE xml [<!ENTITY l0 "lol">${laughs}]><xml><Event>&l30;</Event></xml>`],
  ['a file', `<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Event>&e;</Event></xml>`],
  ['an entity', `<xml><Event>user_info_modified</Event><OpenID>&lt;</OpenID></xml>`],
  ['a numbered entity', `<xml><Event>user_info_modified</Event><OpenID>&#111;X</OpenID></xml>`],
  ['a field in a field', `<xml>${plain}<A><B>1</B></A></xml>`],
  ['a field twice', `<xml>${plain}<OpenID>oY</OpenID></xml>`],
  ['an attribute', `<xml>${plain}<A b="1">1</A></xml>`],
  ['a comment', `<xml>${plain}<!-- --></xml>`],
  ['something behind the end', `<xml>${plain}</xml><xml>${plain}</xml>`],
  ['no end', `<xml>${plain}`],
  ['CDATA without an end', '<xml><Event><![CDATA[user_info_modified</Event></xml>'],
  ['no user', '<xml><Event>user_info_modified</Event></xml>'],
  ['no event', '<xml><OpenID>oX</OpenID></xml>'],
  ['bytes that are no UTF-8', Buffer.from('<xml><Event>\xff</Event></xml>', 'latin1')],
  ['a list', '[]'],
  ['null', 'null'],
  ['a user that is no text', '{"Event":"user_info_modified","OpenID":{"toString":"oX"}}'],
  ['a prototype', '{"__proto__":{"Event":"user_info_modified","OpenID":"oX"}}'],
] as const) {
  test(`${what} is no event: 400`, async (t) => t.deepEqual(await send(body), malformed));
}

test('more than 16 kB are refused, an encrypted event and other methods too', async (t) => {
  const padding = (length: number) => `<xml>${plain}<A>${'x'.repeat(length)}</A></xml>`;
  const room = 16_384 - padding(0).length;
  t.deepEqual(await send(padding(room)), success);
  t.deepEqual(await send(padding(room + 1)), { status: 413, text: '{"error":"body_too_large"}' });
  t.is((await send(' '.repeat(10_000_000))).status, 413);
  const encrypted = { status: 400, text: '{"error":"event_encrypted"}' };
  t.deepEqual(await send('<xml><ToUserName>gh</ToUserName><Encrypt>AAAA</Encrypt></xml>'), encrypted);
  t.deepEqual(await send('{"ToUserName":"gh","Encrypt":"AAAA"}'), encrypted);
  const response = await fetch(`${base}/wechat-event`);
  t.is(response.status, 405);
  t.is(response.headers.get('allow'), 'POST');
});

test.serial('an event that can not be written is 503, and done when it is sent again', async (t) => {
  const person = await createPerson(urls, database);
  const event = toXml(eventOf(person.openId, 'user_authorization_cancellation'));
  database.cut();
  t.is((await send(event)).status, 503);
  database.restore();
  await until('it is taken', async () => (await send(event)).status === 200, 30_000);
  t.is((await database.query('select id from cSessionInfo where open_id = ?', [person.openId])).length, 0);
});
