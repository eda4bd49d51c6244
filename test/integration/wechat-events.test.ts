import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { callsPurpose, repliesKey, repliesPurpose } from '../../shared/rpc/contract.ts';
import { createPerson, readOwn, readSeal, searchStores } from '../support/person.ts';
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

test.serial('who is erased is limited as before', async (t) => {
  const user = newUser();
  const iv = Buffer.alloc(16, 1).toString('base64');
  let logins = 0;
  const logIn = async () => {
    const { returnData } = await call(url, 'qcloud.cam.id_skey', { code: `${user}~${logins++}` });
    return returnData as { id: string; skey: string };
  };
  const decrypt = async (session: object) =>
    (await call(url, 'qcloud.cam.decrypt', { ...session, encrypt_data: 'AAAAAAAAAAAAAAAAAAAAAA==', iv })).reason;
  const check = async (session: object) => (await call(url, 'qcloud.cam.checksession', { ...session })).reason;
  const many = (count: number, ask: () => Promise<string | null>) => Promise.all(Array.from({ length: count }, ask));
  const ways = [
    (session: object) => call(base, 'qcloud.cam.forget', session).then(({ returnCode }) => returnCode === 0),
    () =>
      send(toXml(eventOf(openIdOf(testAppid, user), 'user_authorization_cancellation'))).then(
        ({ status }) => status === 200,
      ),
  ];
  let session = await logIn();
  await until('the user has no try left', async () => (await decrypt(session)) === 'too_many_failures');
  for (const erase of ways) {
    let reasons: ReadonlySet<string | null> = new Set();
    // Again if a new minute began meanwhile: what a user is limited to is a number in a minute.
    for (let tries = 0; tries < 4 && !(reasons.size === 1 && reasons.has('limited')); tries++) {
      // Of each worker.
      await until('WeChat is not asked for the user any more', async () =>
        (await many(20, () => check(session))).every((reason) => reason === 'limited'),
      );
      t.true(await erase(session));
      await until('it is done', async () => (await readJournal()).every(({ todo }) => todo === null), 60_000);
      session = await logIn();
      reasons = new Set(await many(20, () => check(session)));
    }
    t.deepEqual([...reasons], ['limited']);
    t.deepEqual([...new Set(await many(8, () => decrypt(session)))], ['too_many_failures']);
  }
});

test.serial('made-up sessions use up no orders of their caller', async (t) => {
  const mine = await addCaller('--may', 'default,forget');
  const { returnData: session } = await login(url, `${newUser()}~1`);
  const made = await Promise.all(
    Array.from({ length: 120 }, (_, at) => call(mine, 'qcloud.cam.forget', { id: `nobody${at}`, skey: 'x' })),
  );
  t.deepEqual([...new Set(made.map(({ returnCode }) => returnCode))], [60012]);
  t.is((await call(mine, 'qcloud.cam.forget', session)).returnMessage, 'FORGET_SUCCESS');
});

test.serial('sixty users who are to be forgotten at once all are', async (t) => {
  const sessions = await Promise.all(
    Array.from(
      { length: 60 },
      async () => (await login(url, `${newUser()}~1`)).returnData as { id: string; skey: string },
    ),
  );
  const forget = async (session: object, isFirst = true): Promise<string> => {
    const { returnCode, returnMessage } = await call(base, 'qcloud.cam.forget', session);
    // A busy machine may be too slow; only whoever asks again may hear that nothing is there any more.
    if (returnCode === 1006) return forget(session, false);
    return returnCode === 60012 && !isFirst ? 'FORGET_SUCCESS' : returnMessage;
  };
  t.deepEqual([...new Set(await Promise.all(sessions.map((session) => forget(session))))], ['FORGET_SUCCESS']);
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
const plain = '<Event>user_info_modified</Event><OpenID>oGZUI0egBJY1zhBYw2KhdUfwVJJE</OpenID>';
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
  ['a word for a user', '{"Event":"user_authorization_cancellation","OpenID":"skey"}'],
  ['a text for a user', '{"Event":"user_info_modified","OpenID":"wxbbbbbbbbbbbbbbbb, or anybody"}'],
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

const readAudit = () => database.query('select id, target, details from cWaferAudit order by id');

/** The turnstile's row is there since the first erasure of all. */
const readJournal = () => database.query("select person, todo from cWaferErasure where person <> '' order by person");

async function addAudit(target: string, details: object, action = 'session revoke'): Promise<number> {
  const { insertId } = (await database.query(
    "insert into cWaferAudit (at, os_user, host, action, target, details) values (now(), 'ops', 'host', ?, ?, ?)",
    [action, target, JSON.stringify(details)],
  )) as unknown as { insertId: number };
  return insertId;
}

/** Puts calls and answers into Redis, as they wait there for a process that is dead. @returns their keys */
async function plant(calls: readonly object[], replies: readonly object[]): Promise<[job: string, replies: string]> {
  const seal = await readSeal(database);
  const [jobId, instance] = ['cAAAAAAAAAAAAAAAA', 'nobody'];
  const job = `{wafer:session:0}:session:${jobId}`;
  const sealedCalls = seal.seal(callsPurpose(instance, jobId), JSON.stringify(calls));
  await redis.hset(job, 'data', JSON.stringify({ replyTo: instance, calls: sealedCalls }));
  await redis.xadd(repliesKey(instance), '*', 'r', seal.seal(repliesPurpose(instance), JSON.stringify(replies)));
  return [job, repliesKey(instance)];
}

/** Of others, full of words. */
function plantOfOthers(words: readonly string[]): Promise<[job: string, replies: string]> {
  const text = words.join(' ');
  const calls = [
    {
      name: 'sign',
      id: 1,
      deadline: 0,
      requestId: text,
      request: { row: 0, skeyHash: 'x', appid: testAppid, data: text },
    },
    { name: 'wechatEvent', id: 2, deadline: 0, requestId: '', request: { appid: 'wxother', openId: words[0] } },
  ];
  const answer = {
    id: newUser(),
    skey: newUser(),
    user_info: { openId: words[0], nickName: words[1], city: words[2] },
  };
  const replies = [[1, { ok: true, message: words[1], dataJson: JSON.stringify(answer) }]];
  return plant(calls, replies);
}

test.serial('an answer that names nobody goes with the call that asked for it', async (t) => {
  const user = newUser();
  await login(url, `${user}~1`);
  const openId = openIdOf(testAppid, user);
  const [row] = await database.query<{ id: number }>('select id from cSessionInfo where open_id = ?', [openId]);
  const callOf = (id: number, own: number | undefined) => ({
    name: 'phone',
    id,
    deadline: 0,
    requestId: '',
    request: { row: own, skeyHash: 'x', appid: testAppid, code: 'c' },
  });
  const phoneNumber = { ok: true, message: 'PHONE_SUCCESS', dataJson: '{"phone_info":{"phoneNumber":"1"}}' };
  const replies = [1, 2].map((id) => [id, phoneNumber]);
  const [job, key] = await plant([callOf(1, row?.id), callOf(2, 0)], replies);
  const run = await runCli(stack.env, ['user', 'erase', '--open-id', openId, '--json']);
  t.like(run.json, { redis: { calls: 1, replies: 1 } });
  const left = await redis.xrange(key, '-', '+');
  t.is(left.length, 1);
  const seal = await readSeal(database);
  t.deepEqual(JSON.parse(seal.open(repliesPurpose('nobody'), left[0]?.[1][1] ?? '')), [[2, phoneNumber]]);
  await redis.del(job, key);
});

test.serial('an erasure of a user who is called by a word leaves what has that word', async (t) => {
  await addAudit('caller0', { isForced: true, by: 'link', true: 'e' }, 'caller add');
  await addAudit('open_id oe', { rows: [], appid: testAppid });
  const audit = await readAudit();
  const words = ['e', 'true', 'link', 'caller0', 'open_id', 'rows', '"'];
  const [job, replies] = await plantOfOthers(words);
  const before = [await redis.hgetall(job), await redis.xrange(replies, '-', '+')];
  for (const word of words) {
    const run = await runCli(stack.env, ['user', 'erase', '--open-id', word, '--appid', testAppid, '--json']);
    t.is(run.status, 0, run.stdout + run.stderr);
    t.like(run.json, { audit: 0, redis: { calls: 0, replies: 0 } });
  }
  t.deepEqual((await readAudit()).slice(0, audit.length), audit);
  t.deepEqual([await redis.hgetall(job), await redis.xrange(replies, '-', '+')], before);
  await redis.del(job, replies);
});

test.serial('of two who are called the same in two apps, one goes from the audit log', async (t) => {
  await login(url, `${newUser()}~1`);
  const [other] = await database.query<{ id: number }>('select max(id) as id from cSessionInfo');
  const left = new Set([
    await addAudit('open_id li', { rows: [4_000_000], appid: 'wxother' }),
    await addAudit('open_id li', { rows: [other?.id] }),
    await addAudit('open_id LI', { rows: [4_000_000] }),
    await addAudit('open_id lin', { rows: [4_000_000] }),
    await addAudit('li', {}, 'caller add'),
  ]);
  const gone = [
    await addAudit('open_id li', { rows: [4_000_000], appid: testAppid }),
    await addAudit('open_id li', { rows: [4_000_000] }),
  ];
  const before = await readAudit();
  const run = await runCli(stack.env, ['user', 'erase', '--open-id', 'li', '--appid', testAppid, '--json']);
  t.is(run.json.audit, 2, run.stderr);
  const after = new Map((await readAudit()).map((entry) => [entry['id'], entry]));
  for (const entry of before) if (left.has(entry['id'] as number)) t.deepEqual(after.get(entry['id']), entry);
  const redacted = gone.map((id) => after.get(id));
  for (const entry of redacted) t.regex(String(entry?.['target']), /^open_id erased:[\w-]{32}$/);
  t.deepEqual(
    redacted.map((entry) => entry?.['details']),
    [JSON.stringify({ appid: testAppid }), '{}'],
  );
});

test.serial('an erasure that fails again and again keeps no other from being finished', async (t) => {
  const seal = await readSeal(database);
  const plant = async (key: string, openIds: unknown) => {
    const known = { users: [], unionIds: [], ids: [], rows: [], skeyHashes: [], openIds };
    const actor = { osUser: 'test', host: 'test' };
    const order = { ...known, part: 'everything', appid: testAppid, actor, action: 'test', label: key, orderedAtUs: 1 };
    await database.query("insert into cWaferErasure values (?, 0, ?, '2026-01-01')", [
      key,
      seal.seal(`erasure ${key}`, JSON.stringify(order)),
    ]);
  };
  // As the first in line.
  await plant('a-poisoned', 5);
  await plant('b-whole', [openIdOf(testAppid, newUser())]);
  const find = async (key: string) =>
    (
      await database.query<{ todo: string; wait: number }>(
        'select todo, at > utc_timestamp() + interval 8 hour as wait from cWaferErasure where person = ?',
        [key],
      )
    )[0];
  await until('the other one is finished', async () => (await find('b-whole')) === undefined, 60_000);
  await until('the poisoned one waits', async () => (await find('a-poisoned'))?.wait === 1, 60_000);
  const { failures } = JSON.parse(seal.open('erasure a-poisoned', (await find('a-poisoned'))?.todo ?? '')) as {
    failures: number;
  };
  t.true(failures >= 1);
  await database.query("delete from cWaferErasure where person = 'a-poisoned'");
});

test.serial('an event about somebody of whom nothing is kept writes nothing and locks nothing', async (t) => {
  const people = Array.from({ length: 10 }, () => openIdOf(testAppid, newUser()));
  const isIdle = async () => (await readJournal()).every(({ todo }) => todo === null);
  await until('earlier erasures are finished', isIdle, 60_000);
  const before = [await readAudit(), await readJournal()];
  const statements = await database.countStatements(async () => {
    for (const openId of people)
      for (const event of ['user_authorization_cancellation', 'user_info_modified'])
        t.deepEqual(await send(JSON.stringify(eventOf(openId, event))), success);
  });
  const tables = new Set(['cWaferErasure', 'cWaferAudit', 'cWaferOutbox', 'cWaferEvent']);
  const writes = statements.filter(({ kind, table }) => kind !== 'select' && tables.has(table ?? ''));
  t.deepEqual(writes, []);
  t.true(statements.length >= people.length);
  t.deepEqual([await readAudit(), await readJournal()], before);
});

test.serial('a caller passes on a hundred events in ten seconds, then gets 429', async (t) => {
  const flood = await addCaller('--may', 'wechat-event');
  const body = () => JSON.stringify(eventOf(openIdOf(testAppid, newUser()), 'user_info_modified'));
  const answers = await Promise.all(Array.from({ length: 120 }, () => send(body(), flood)));
  t.deepEqual(
    [...new Set(answers.map(({ status }) => status))].sort((left, right) => left - right),
    [200, 429],
  );
  t.true(answers.filter(({ status }) => status === 200).length >= 100);
  t.deepEqual(
    answers.find(({ status }) => status === 429),
    { status: 429, text: '{"error":"limited"}' },
  );
  t.deepEqual(await send(body()), success, 'another caller is not limited');
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
