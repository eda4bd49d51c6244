import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { Webhook } from 'standardwebhooks';
import { createUserData, openIdOf } from '../../apps/wechat-simulator/users.ts';
import { isAnyLeft, removeOldEvents } from '../../apps/worker/events/old-events.ts';
import { checkEndpoints } from '../../shared/administration/doctor/endpoints.ts';
import { keptMs, readOldest, streamKeptMs } from '../../shared/events/event-log.ts';
import { laneCount } from '../../shared/events/outbox.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { createWaferSession } from '../../packages/node/src/wafer-session.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser } from '../support/client.ts';
import { withClockAhead } from '../support/clock-ahead.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startTestConsole } from '../support/console.ts';
import { startEventReceiver, type EventReceiver } from '../support/event-receiver.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, env: { EVENTS_PRIVATE_TARGETS: '127.0.0.0/8' } });
const { database, env } = stack;
const terminal = await startTestConsole({ onClose, stack, env: { EVENTS_PRIVATE_TARGETS: '127.0.0.0/8' } });
const [url] = stack.urls;
const otherAppid = 'wx2222222222222222';
await database.query("insert into cAppinfo set appid = ?, secret = 'x', is_default = 0", [otherAppid]);
await database.query('update cAppinfo set is_default = 1 where appid = ?', [testAppid]);

const wafer = async (t: ExecutionContext, ...args: string[]) => {
  const { status, json, stdout, stderr } = await runCli(env, [...args, '--json']);
  t.is(status, 0, stdout + stderr);
  return json;
};

/** An endpoint of a receiver of its own, until the test ends. */
async function addReceiver(
  t: ExecutionContext,
  name: string,
  ...options: string[]
): Promise<EventReceiver & { readonly secret: string }> {
  const receiver = await startEventReceiver((close) => t.teardown(close));
  const { secret } = await wafer(t, 'events', 'add', name, receiver.url, ...options);
  t.teardown(async () => void (await runCli(env, ['events', 'remove', name])));
  return Object.assign(receiver, { secret: secret as string });
}

const ofUser = (receiver: EventReceiver, openId: string) =>
  receiver.deliveries.map(({ message }) => message).filter(({ data }) => data['openId'] === openId);
const typesOf = (receiver: EventReceiver, openId: string) => ofUser(receiver, openId).map(({ type }) => type);
const untilTypes = (receiver: EventReceiver, openId: string, wanted: readonly string[]) =>
  until(wanted.join(', '), () => typesOf(receiver, openId).length >= wanted.length);

const byText = (one: string, other: string) => (one < other ? -1 : 1);

const checkByHand = `
import base64, hashlib, hmac, json, sys
given = json.load(sys.stdin)
key = base64.b64decode(given["secret"].removeprefix("whsec_"))
signed = ".".join([given["id"], given["timestamp"], given["body"]]).encode()
expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
print(expected in given["signature"].split(" "))
`;

test.serial('nothing is noted while nobody wants to hear of it', async (t) => {
  const { returnData: session } = await login(url, newUser());
  await call(url, 'qcloud.cam.logout', session);
  t.deepEqual(await database.query('select id from cWaferOutbox'), []);
  t.deepEqual(await database.query('select id from cWaferEvent'), []);
});

test.serial('the library verifies an event of a log-in, and so does Python by hand', async (t) => {
  const receiver = await addReceiver(t, 'signed');
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const openId = openIdOf(testAppid, user);
  await untilTypes(receiver, openId, ['session.created']);
  const [delivery] = receiver.deliveries;
  const { headers, body = '', message } = delivery ?? {};
  t.like(message, { type: 'session.created', data: { appid: testAppid, openId, sessionId: session.id } });
  t.notThrows(() => new Webhook(receiver.secret).verify(body, headers as Record<string, string>));
  t.throws(() => new Webhook(receiver.secret).verify(`${body} `, headers as Record<string, string>));
  t.false(body.includes(session.skey));
  const child = promisify(execFile)('python3', ['-c', checkByHand]);
  child.child.stdin?.end(
    JSON.stringify({
      secret: receiver.secret,
      id: headers?.['webhook-id'],
      timestamp: headers?.['webhook-timestamp'],
      signature: headers?.['webhook-signature'],
      body,
    }),
  );
  t.is((await child).stdout.trim(), 'True');
});

test.serial('a new secret signs at once, and the one before for a day', async (t) => {
  const receiver = await addReceiver(t, 'rotated');
  const { secret } = await wafer(t, 'events', 'set', 'rotated', '--new-secret');
  t.not(secret, receiver.secret);
  await login(url, newUser());
  await until('the event has come', () => receiver.deliveries.length > 0);
  const { body = '', headers } = receiver.deliveries[0] ?? {};
  for (const each of [secret, receiver.secret])
    t.notThrows(() => new Webhook(each).verify(body, headers as Record<string, string>));
});

test.serial('log-ins, log-outs and revocations of a user come in their order', async (t) => {
  const receiver = await addReceiver(t, 'ordered');
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const { returnData: first } = await login(url, `${user}~1`);
  const { returnData: second } = await login(url, `${user}~2`);
  await call(url, 'qcloud.cam.logout', second);
  await login(url, `${user}~3`);
  await wafer(t, 'session', 'revoke', '--open-id', openId);
  const wanted = ['session.created', 'session.replaced', 'session.ended', 'session.created', 'session.ended'];
  await untilTypes(receiver, openId, wanted);
  const messages = ofUser(receiver, openId);
  t.deepEqual(typesOf(receiver, openId), wanted);
  t.deepEqual(
    messages.map(({ data }) => data['sessionId']),
    wanted.map(() => first.id),
  );
  t.deepEqual(
    messages.flatMap(({ data }) => data['why'] ?? []),
    ['logged_out', 'revoked'],
  );
  const sequences = messages.map(({ data }) => data.sequence);
  t.deepEqual(
    sequences,
    sequences.toSorted((one, other) => one - other),
  );
});

test.serial('a log-in tells which sessions it ends beside its own', async (t) => {
  await database.query("update cAppinfo set session_policy = 'multi', max_sessions = 3 where appid = ?", [testAppid]);
  await wafer(t, 'cache', 'clear');
  const receiver = await addReceiver(t, 'many');
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const ids: string[] = [];
  for (let index = 0; index < 3; index++) ids.push((await login(url, `${user}~${index}`)).returnData.id);
  await database.query("update cAppinfo set session_policy = 'single' where appid = ?", [testAppid]);
  await wafer(t, 'cache', 'clear');
  await login(url, `${user}~4`);
  await untilTypes(receiver, openId, ['', '', '', '', '', '']);
  const messages = ofUser(receiver, openId).slice(3);
  t.deepEqual(messages.map(({ type }) => type).toSorted(), ['session.ended', 'session.ended', 'session.replaced']);
  t.deepEqual(messages.map(({ data }) => String(data['sessionId'])).toSorted(byText), ids.toSorted(byText));
});

test.serial('a changed profile is told, and an unchanged one is not', async (t) => {
  const receiver = await addReceiver(t, 'profiles', '--event', 'profile.changed');
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  // With the code alone; then with a profile; then with the same.
  await call(url, 'qcloud.cam.id_skey', { code: `${user}~0` });
  const { returnData: session } = await login(url, `${user}~1`);
  const { encrypt_data, iv } = createUserData(testAppid, `${user}~2`);
  await call(url, 'qcloud.cam.userinfo', { ...session, encrypt_data, iv });
  const other = newUser();
  await call(url, 'qcloud.cam.id_skey', { code: `${other}~0` });
  await login(url, `${other}~1`);
  await untilTypes(receiver, openId, ['profile.changed']);
  await untilTypes(receiver, openIdOf(testAppid, other), ['profile.changed']);
  t.deepEqual(typesOf(receiver, openId), ['profile.changed']);
  t.false(receiver.deliveries.some(({ body }) => body.includes('nickName')));
});

test.serial('apps that change or are revoked are told', async (t) => {
  const receiver = await addReceiver(t, 'apps', '--event', 'app.changed', '--event', 'session.ended');
  await wafer(t, 'app', 'set', otherAppid, '--login-duration', '3');
  await wafer(t, 'session', 'revoke', '--appid', otherAppid);
  await until('both have come', () => receiver.deliveries.length >= 2);
  const [changed, ended] = receiver.deliveries.map(({ message }) => message);
  t.like(changed, { type: 'app.changed', data: { appid: otherAppid, change: 'set' } });
  t.like(ended, { type: 'session.ended', data: { appid: otherAppid, why: 'revoked' } });
  t.is(typeof ended?.data['loggedInBefore'], 'number');
});

test.serial('an endpoint hears of its own apps and events alone', async (t) => {
  const all = await addReceiver(t, 'all');
  const few = await addReceiver(t, 'few', '--app', otherAppid, '--event', 'session.created');
  await login(url, newUser());
  const { returnData } = await login(url, newUser());
  await call(url, 'qcloud.cam.logout', returnData);
  await until('three have come', () => all.deliveries.length >= 3);
  t.deepEqual(few.deliveries, []);
});

test.serial('what WeChat refuses until somebody acts is told once', async (t) => {
  const receiver = await addReceiver(t, 'alerts', '--event', 'wechat.alert');
  stack.wechat?.fail('/sns/jscode2session', 40164, 3);
  for (let index = 0; index < 3; index++) await login(url, newUser());
  await until('it has come', () => receiver.deliveries.length > 0);
  const details = { appid: testAppid, api: 'code2session', errcode: '40164' };
  t.deepEqual(
    receiver.deliveries.map(({ message: { type, data } }) => ({ type, data })),
    [{ type: 'wechat.alert', data: { sequence: receiver.deliveries[0]?.message.data.sequence ?? 0, ...details } }],
  );
});

test.serial('an event that is not taken holds up those after it, and comes again', async (t) => {
  const receiver = await addReceiver(t, 'stubborn');
  let refusals = 2;
  receiver.answer = () => (refusals-- > 0 ? 500 : 204);
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, `${user}~1`);
  await login(url, `${user}~2`);
  await untilTypes(receiver, openId, ['', '', '', '']);
  const messages = ofUser(receiver, openId);
  t.deepEqual(
    messages.map(({ type }) => type),
    ['session.created', 'session.created', 'session.created', 'session.replaced'],
  );
  t.is(new Set(receiver.deliveries.slice(0, 3).map(({ headers }) => headers['webhook-id'])).size, 1);
});

test.serial('what is not taken for a day is a dead letter, and is sent again on request', async (t) => {
  const receiver = await addReceiver(t, 'dead');
  receiver.answer = () => 503;
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, user);
  await until('it was refused', () => receiver.deliveries.length > 0);
  await database.query('update cWaferEvent set at = at - 90000000 where open_id = ?', [openId]);
  const listed = async () =>
    (await wafer(t, 'events', 'dead', 'dead')).letters as { openId: string; failure: string }[];
  await until('it is dead', async () => (await listed()).length > 0);
  t.like((await listed())[0], { openId, event: 'session.created', failure: 'http 503' });
  const { endpoints } = await wafer(t, 'events', 'list');
  t.like(endpoints[0], { name: 'dead', dead: 1, failure: 'http 503' });
  receiver.answer = () => 204;
  const before = receiver.deliveries.length;
  t.is((await wafer(t, 'events', 'replay', 'dead')).letters, 1);
  await until('it has come', () => receiver.deliveries.length > before);
  await until('it is no dead letter any more', async () => (await listed()).length === 0);
  t.is(receiver.deliveries.at(-1)?.message.data['openId'], openId);
});

test.serial('an event that is never taken is skipped, and those after it go on', async (t) => {
  const receiver = await addReceiver(t, 'picky');
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  const laneOf = (id: string) => crc32(id) % laneCount;
  const other = Array.from({ length: 64 }, newUser).find(
    (each) => laneOf(openIdOf(testAppid, each)) !== laneOf(openId),
  ) as string;
  let isHarsh = true;
  receiver.answer = ({ message: { type, data } }) =>
    isHarsh && data['openId'] === openId && type === 'session.created' ? 422 : 204;
  await login(url, `${user}~1`);
  await login(url, `${user}~2`);
  await login(url, other);
  interface Waiting {
    readonly sequence: number;
    readonly openId: string;
  }
  const picky = async () => {
    const { endpoints } = await wafer(t, 'events', 'list');
    return endpoints.find(({ name }: { name: string }) => name === 'picky') as { waiting: Waiting[]; dead: number };
  };
  await until('it waits', async () => (await picky()).waiting.length > 0);
  await untilTypes(receiver, openIdOf(testAppid, other), ['session.created']);
  const [waiting] = (await picky()).waiting;
  t.like(waiting, { event: 'session.created', openId, failure: 'http 422' });
  const table = await runCli(env, ['events', 'list']);
  t.regex(table.stdout, new RegExp(`^picky +${waiting?.sequence} +session.created +${openId} .*http 422$`, 'm'));
  t.false(typesOf(receiver, openId).includes('session.replaced'), 'those of the same user wait');

  const operator = await terminal.token('operator');
  const skip = (body: object) => terminal.api('POST', '/endpoints/picky/skip', { as: operator, body });
  const listed = await terminal.api('GET', '/endpoints', { as: operator });
  const shown = listed.body.items.find(({ name }: { name: string }) => name === 'picky');
  t.like(shown.waiting[0], { sequence: waiting?.sequence, openId, failure: 'http 422' });
  t.true(Date.parse(shown.waiting[0].since) >= Date.parse(shown.waiting[0].at));
  t.deepEqual((await skip({ dryRun: true })).body, { dryRun: true, events: 1 });
  t.is((await skip({ sequence: 1 })).body.code, 'waiting_event_unknown');
  t.is((await picky()).dead, 0);
  t.deepEqual((await skip({ sequence: waiting?.sequence })).body, { dryRun: false, events: 1 });
  await until('those after it go on', () => typesOf(receiver, openId).includes('session.replaced'));
  t.like(await picky(), { waiting: [], dead: 1 });
  const [entry] = (await terminal.api('GET', '/audit?limit=1', { as: operator })).body.items;
  t.like(entry, { action: 'events skip', target: 'picky', details: { count: 1, sequence: waiting?.sequence } });
  t.is((await wafer(t, 'events', 'skip', 'picky')).events, 0, 'nothing waits any more');
  t.is((await runCli(env, ['events', 'skip', 'none'])).status, 1);

  isHarsh = false;
  const before = receiver.deliveries.length;
  await wafer(t, 'events', 'replay', 'picky');
  await until('it has come', () => receiver.deliveries.length > before);
  t.is(receiver.deliveries.at(-1)?.message.type, 'session.created');
});

test.serial('the doctor tells how endpoints do, and how far they are behind', async (t) => {
  const check = async () => {
    const findings = await checkEndpoints(stack.config.database);
    return findings.map(({ state, cause, found }) => `${cause ?? state}: ${found}`);
  };
  t.deepEqual(await check(), [], 'no endpoint');
  const receiver = await addReceiver(t, 'late');
  t.deepEqual(await check(), ['ok: 1 endpoint takes what happens']);
  receiver.answer = () => 500;
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, user);
  await until('it was refused', () => receiver.deliveries.length > 0);
  await database.query('update cWaferEvent set at = at - 600000 where open_id = ?', [openId]);
  const sequelize = openDatabase(stack.config.database.primary, { poolSize: 1, connectTimeoutMs: 10_000 });
  t.teardown(() => sequelize.close());
  const oldest = async () => (await readOldest(sequelize)).get('late') ?? Number.NaN;
  t.true((await oldest()) >= 600);
  await until('it is known as failing', async () =>
    (await check()).join().startsWith('endpoint_failing: late takes no events: http 500; '),
  );

  // It takes others meanwhile, and has refused this one for a while.
  const write = (columns: string) => database.query(`update cWaferEndpoint set ${columns} where name = 'late'`);
  await database.query("update cWaferEndpointLane set waiting_since = waiting_since - 400000 where endpoint = 'late'");
  await write(`failing_since = null, failure = null, delivered_at = ${Date.now()}`);
  t.regex(
    (await check()).join(),
    /^endpoint_refuses: late takes events, but not one of them \(http 500\); others wait for 4\d\d s$/,
  );
  await database.query("update cWaferEndpointLane set waits_for = null where endpoint = 'late'");
  t.regex((await check()).join(), /^endpoint_late: late is 6\d\d s behind$/);

  receiver.answer = () => 204;
  await wafer(t, 'events', 'set', 'late', '--any-app');
  await until('it has come', async () => (await oldest()) === 0);
  await database.query(
    `insert into cWaferDeadLetter (endpoint, event_id, at, event, failure, died_at) values ('late', 1, 1, 'app.changed', 'x', ?)`,
    [Date.now()],
  );
  await until('it is known as working', async () =>
    /^endpoint_dead_letters: late has 1 dead letter$/.test((await check()).join()),
  );
  await wafer(t, 'events', 'set', 'late', '--off');
  t.deepEqual(await check(), [], 'of one that is off nothing is expected');
  t.deepEqual([...(await readOldest(sequelize)).keys()], []);
});

test.serial('events since a time are sent again', async (t) => {
  const receiver = await addReceiver(t, 'again');
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, user);
  await untilTypes(receiver, openId, ['']);
  await wafer(t, 'events', 'replay', 'again', '--from', '5m');
  await untilTypes(receiver, openId, ['', '']);
  const [first, second] = receiver.deliveries
    .filter(({ message }) => message.data['openId'] === openId)
    .map(({ headers }) => headers['webhook-id']);
  t.is(first, second);
});

test.serial('an endpoint that is off gets nothing of that time when it is on again', async (t) => {
  const receiver = await addReceiver(t, 'off');
  await addReceiver(t, 'other');
  await wafer(t, 'events', 'set', 'off', '--off');
  const [missed, heard] = [newUser(), newUser()];
  await login(url, missed);
  await until(
    'it was moved',
    async () =>
      (await database.query('select id from cWaferEvent where open_id = ?', [openIdOf(testAppid, missed)])).length > 0,
  );
  await wafer(t, 'events', 'set', 'off', '--on');
  await login(url, heard);
  await untilTypes(receiver, openIdOf(testAppid, heard), ['']);
  t.deepEqual(typesOf(receiver, openIdOf(testAppid, missed)), []);
});

test.serial('an erased person is in no event but the one that says so', async (t) => {
  const receiver = await addReceiver(t, 'erased');
  receiver.answer = () => 500;
  const user = newUser();
  const openId = openIdOf(testAppid, user);
  await login(url, `${user}~1`);
  await login(url, `${user}~2`);
  await until('one is under way', () => receiver.deliveries.length > 0);
  await database.query(
    `insert into cWaferDeadLetter (endpoint, event_id, at, event, appid, open_id, failure, died_at)
     values ('erased', 1, 1, 'session.created', ?, ?, 'x', ?)`,
    [testAppid, openId, Date.now()],
  );
  await wafer(t, 'user', 'erase', '--open-id', openId);
  for (const table of ['cWaferOutbox', 'cWaferEvent', 'cWaferDeadLetter'])
    t.deepEqual(
      await database.query(`select event from ${table} where open_id = ? and event <> 'user.erased'`, [openId]),
      [],
      table,
    );
  receiver.answer = () => 204;
  receiver.deliveries.length = 0;
  await untilTypes(receiver, openId, ['user.erased']);
  t.deepEqual(typesOf(receiver, openId), ['user.erased']);
  t.is(ofUser(receiver, openId)[0]?.data['appid'], testAppid);
});

test.serial('dead letters of an erased person that wait for their turn are not sent', async (t) => {
  const receiver = await addReceiver(t, 'letters');
  const users = Array.from({ length: 6 }, newUser);
  const openIds = users.map((user) => openIdOf(testAppid, user));
  for (const user of users) await login(url, `${user}~1`);
  await until('all are told of', () => openIds.every((openId) => typesOf(receiver, openId).length > 0));
  // As a day of failing leaves them.
  await database.query(
    `insert into cWaferDeadLetter (endpoint, event_id, at, event, appid, open_id, session_id, details, failure, died_at)
     select 'letters', id, at, event, appid, open_id, session_id, details, 'http 500', ? from cWaferEvent
     where open_id in (?) order by id`,
    [Date.now(), openIds],
  );
  receiver.deliveries.length = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  receiver.hold = () => held;
  await wafer(t, 'events', 'replay', 'letters');
  await until('the first one is under way', () => receiver.deliveries.length > 0);
  const victim = openIds.find((openId) => openId !== receiver.deliveries[0]?.message.data['openId']) ?? '';
  await wafer(t, 'user', 'erase', '--open-id', victim);
  release();
  const others = openIds.filter((openId) => openId !== victim);
  await until('the others have come', () =>
    others.every((openId) => typesOf(receiver, openId).includes('session.created')),
  );
  await untilTypes(receiver, victim, ['user.erased']);
  t.deepEqual(typesOf(receiver, victim), ['user.erased']);
  await until(
    'no letter is left',
    async () => (await database.query("select id from cWaferDeadLetter where endpoint = 'letters'")).length === 0,
  );
});

/** Messages of the stream, as they come. */
async function follow(
  t: ExecutionContext,
  as: string,
  { lastId, query = '' }: { readonly lastId?: string; readonly query?: string } = {},
): Promise<{ readonly messages: { event: string; id: string; data: string }[]; close(): void }> {
  const leaving = new AbortController();
  t.teardown(() => leaving.abort());
  const response = await fetch(`${terminal.url}/api/v1/events${query}`, {
    headers: { authorization: `Bearer ${as}`, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
    signal: leaving.signal,
  });
  t.is(response.status, 200);
  const messages: { event: string; id: string; data: string }[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, event = '', id = '', data = ''] = /^event: (.*)\nid: (.*)\ndata: (.*)$/.exec(part) ?? [];
        if (event !== '') messages.push({ event, id, data });
      }
    }
  };
  read().catch(() => undefined);
  await until('the stream has begun', () => messages.length > 0);
  return { messages, close: () => leaving.abort() };
}

test.serial('a reader of the stream hears of what happens, and goes on where it was', async (t) => {
  const token = await terminal.token('viewer');
  const first = await follow(t, token, { query: '?events=session.created,session.ended' });
  t.is(first.messages[0]?.event, 'ready');
  const { returnData: session } = await login(url, newUser());
  await until('a log-in was heard of', () => first.messages.length > 1);
  const created = first.messages[1];
  t.is(created?.event, 'session.created');
  t.like(JSON.parse(created?.data ?? ''), { type: 'session.created', data: { sessionId: session.id } });
  first.close();
  await call(url, 'qcloud.cam.logout', session);
  const second = await follow(t, token, { lastId: created?.id ?? '' });
  await until('what was missed has come', () => second.messages.some(({ event }) => event === 'session.ended'));
  t.deepEqual(
    second.messages.map(({ event }) => event),
    ['ready', 'session.ended'],
  );
  second.close();
});

test.serial('a reader who may have missed something is told so', async (t) => {
  const token = await terminal.token('viewer');
  const [last] = await database.query<{ id: number }>('select max(id) as id from cWaferEvent');
  const stream = await follow(t, token, { lastId: String((last?.id ?? 0) + 1000) });
  t.is(stream.messages[0]?.event, 'gap');
});

test.serial('endpoints are added, changed, tried and removed over HTTP', async (t) => {
  const receiver = await startEventReceiver((close) => t.teardown(close));
  const admin = await terminal.token('admin');
  const added = await terminal.api('POST', '/endpoints', { as: admin, body: { name: 'over-http', url: receiver.url } });
  t.is(added.status, 201, added.text);
  t.regex(added.body.secret, /^whsec_/);
  noteSecret('secret of an endpoint', added.body.secret);
  const tried = await terminal.api('POST', '/endpoints/over-http/test', { as: admin });
  t.like(tried.body, { delivered: true, answer: 'http 204' });
  const events = ['session.created'];
  t.is((await terminal.api('PATCH', '/endpoints/over-http', { as: admin, body: { events } })).status, 200);
  const listed = await terminal.api('GET', '/endpoints', { as: admin });
  t.like(listed.body.items[0], { name: 'over-http', events, enabled: true, origin: new URL(receiver.url).origin });
  t.false(listed.text.includes('whsec_') || listed.text.includes('/hook'));
  const inside = { name: 'inside', url: 'https://10.0.0.1/' };
  t.is((await terminal.api('POST', '/endpoints', { as: admin, body: inside })).body.code, 'url_invalid');
  const twice = await terminal.api('POST', '/endpoints', { as: admin, body: { name: 'over-http', url: receiver.url } });
  t.is(twice.body.code, 'endpoint_exists');
  await login(url, newUser());
  await until('an event has come', () => receiver.deliveries.length > 1);
  t.is((await terminal.api('DELETE', '/endpoints/over-http', { as: admin })).status, 204);
  t.is((await terminal.api('DELETE', '/endpoints/over-http', { as: admin })).body.code, 'endpoint_unknown');
});

test.serial('dead letters are listed page by page and sent again over HTTP', async (t) => {
  const receiver = await addReceiver(t, 'letters');
  for (let index = 1; index <= 3; index++)
    await database.query(
      `insert into cWaferDeadLetter (endpoint, event_id, at, event, appid, open_id, failure, died_at)
       values ('letters', ?, 1000, 'session.created', ?, 'someone', 'http 500', ?)`,
      [index, testAppid, Date.now()],
    );
  const operator = await terminal.token('operator');
  const first = await terminal.api('GET', '/dead-letters?endpoint=letters&limit=2', { as: operator });
  t.is(first.body.items.length, 2, first.text);
  const second = await terminal.api('GET', `/dead-letters?endpoint=letters&limit=2&cursor=${first.body.next}`, {
    as: operator,
  });
  t.is(second.body.items.length, 1);
  t.is(second.body.next, null);
  const { id } = second.body.items[0];
  t.is((await terminal.api('POST', `/dead-letters/${id}/replay`, { as: operator })).body.letters, 1);
  await until('it has come', () => receiver.deliveries.length === 1);
  t.is((await terminal.api('POST', '/endpoints/letters/replay', { as: operator })).body.letters, 2);
  await until('all have come', () => receiver.deliveries.length === 3);
  t.is((await terminal.api('POST', '/dead-letters/999999/replay', { as: operator })).body.code, 'letter_unknown');
});

test.serial('a back end forgets what it remembered before its stream began', async (t) => {
  const proxy = await startTcpProxy({
    port: Number(new URL(terminal.url).port),
    onClose: (close) => t.teardown(close),
  });
  await proxy.refuse();
  const backEnd = createWaferSession({
    url: `${url}/mina_auth/`,
    rememberMs: 600_000,
    checkDeadlineMs: 30_000,
    events: { url: `http://127.0.0.1:${proxy.port}/api/v1/events`, token: await terminal.token('viewer') },
  });
  t.teardown(() => backEnd.close());
  const { returnData: session } = await login(url, newUser());
  await backEnd.check(session.id, session.skey);
  await call(url, 'qcloud.cam.logout', session);
  await t.notThrowsAsync(backEnd.check(session.id, session.skey), 'it is remembered');
  await proxy.pass();
  await until('it is forgotten', async () => {
    const error = await backEnd.check(session.id, session.skey).then(
      () => undefined,
      (thrown: { isSessionInvalid: boolean }) => thrown,
    );
    return error?.isSessionInvalid === true;
  });
});

test.serial('a back end that remembers sessions forgets one as soon as it ends elsewhere', async (t) => {
  const token = await terminal.token('viewer');
  const backEnd = createWaferSession({
    url: `${url}/mina_auth/`,
    rememberMs: 600_000,
    checkDeadlineMs: 30_000,
    events: { url: `${terminal.url}/api/v1/events`, token },
  });
  t.teardown(() => backEnd.close());
  await until(
    'it is heard of',
    async () =>
      (await database.query('select what from cWaferEventDemand where wanted_until > ?', [Date.now()])).length > 0,
  );
  // What workers have heard, the next log-in shows.
  const listener = await follow(t, token);
  const { returnData: session } = await login(url, newUser());
  await until('the stream tells', () => listener.messages.length > 1);
  await backEnd.check(session.id, session.skey);
  const isRefused = () =>
    backEnd.check(session.id, session.skey).then(
      () => false,
      (error: { isSessionInvalid: boolean }) => error.isSessionInvalid,
    );
  t.false(await isRefused());
  await call(url, 'qcloud.cam.logout', session);
  await until('it is forgotten', isRefused);
});

test.serial('what a process notes whose clock is ahead is kept no longer', async (t) => {
  await addReceiver(t, 'ahead');
  const aheadMs = 200 * 86_400_000;
  const user = newUser();
  await withClockAhead(aheadMs, async () => {
    const { returnData: session } = await login(url, user);
    await call(url, 'qcloud.cam.logout', session);
  });
  const read = () =>
    database.query<{ at: number }>('select at from cWaferEvent where open_id = ?', [openIdOf(testAppid, user)]);
  await until('both are noted', async () => (await read()).length === 2);
  for (const { at } of await read()) t.true(Math.abs(at - Date.now()) < 60_000, String(at));
});

test.serial('what lies ahead of now is as old as what is noted now', async (t) => {
  const sequelize = openDatabase(stack.config.database.primary, { poolSize: 1 });
  t.teardown(() => sequelize.close());
  const farMs = Date.now() + 200 * 86_400_000;
  await database.query('delete from cWaferDeadLetter');
  for (const [what, spoil] of [
    ['events', 'update cWaferEvent set at = ? order by id desc limit 1'],
    [
      'dead letters',
      `insert into cWaferDeadLetter (endpoint, event_id, at, event, failure, died_at) values ('ahead', 1, 1, 'app.changed', 'x', ?)`,
    ],
  ] as const) {
    await database.query(spoil, [farMs]);
    t.true(await isAnyLeft(sequelize), what);
    await removeOldEvents(sequelize);
    t.false(await isAnyLeft(sequelize), what);
  }
  await database.query(
    "insert into cWaferEventDemand values ('stream', ?, 0) on duplicate key update wanted_until = ?",
    [farMs, farMs],
  );
  await removeOldEvents(sequelize);
  const [last] = await database.query<{ at: number; died: number; wanted: number }>(
    `select (select max(at) from cWaferEvent) as at, (select max(died_at) from cWaferDeadLetter) as died,
       (select max(wanted_until) from cWaferEventDemand) as wanted`,
  );
  for (const time of [last?.at, last?.died]) t.true(Math.abs((time ?? 0) - Date.now()) < 60_000, String(time));
  t.true((last?.wanted ?? 0) < Date.now() + streamKeptMs + 60_000);
});

test.serial('after two days nothing is left of events but the number of the last', async (t) => {
  const sequelize = openDatabase(stack.config.database.primary, { poolSize: 1 });
  t.teardown(() => sequelize.close());
  const [before] = await database.query<{ last: number }>('select max(id) as last from cWaferEvent');
  await database.query('update cWaferEvent set at = at - ?', [keptMs + 1000]);
  t.true(await isAnyLeft(sequelize));
  await removeOldEvents(sequelize);
  const left = await database.query('select id, event, open_id, session_id, details from cWaferEvent');
  t.deepEqual(left, [{ id: before?.last, event: '', open_id: null, session_id: null, details: null }]);
});
