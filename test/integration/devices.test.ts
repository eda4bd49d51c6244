import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack } from '../support/stack.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { testAppid } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const { database } = stack;

const wafer = (...args: string[]) => runCli(stack.env, args);
const set = async (...options: string[]) => {
  const run = await wafer('app', 'set', testAppid, ...options);
  if (run.status !== 0) throw new Error(run.stderr);
};

interface Kept {
  readonly device_kind: string | null;
  readonly device_label: string | null;
  readonly client_ip: string | null;
}
const keptOf = (id: string) =>
  database.query<Kept>('select device_kind, device_label, client_ip from cSessionInfo where uuid = ?', [id]);
const logIn = (user: string, more: object) =>
  call(url, 'qcloud.cam.id_skey', { code: `${user}~${newUser()}`, ...more });

test.serial('an app that was not told to keeps neither device nor address', async (t) => {
  const sent = { device: 'ios iPhone 15 Pro', client_ip: '203.0.113.7' };
  const { returnData } = await logIn(newUser(), sent);
  t.deepEqual(await keptOf(returnData.id), [{ device_kind: null, device_label: null, client_ip: null }]);
  t.is((await logIn(newUser(), { device: { any: 'thing' }, client_ip: 7 })).returnCode, 0);
});

test.serial('a session keeps the device and the address of its last log-in', async (t) => {
  await set('--keep-device', '--keep-client-ip');
  const user = newUser();
  const { returnData } = await logIn(user, { device: 'iOS iPhone 15 Pro', client_ip: '::ffff:203.0.113.7' });
  t.deepEqual(await keptOf(returnData.id), [
    { device_kind: 'ios', device_label: 'iPhone 15 Pro', client_ip: '203.0.113.7' },
  ]);
  await logIn(user, { device: '小米 14', client_ip: '2001:DB8::1' });
  t.deepEqual(await keptOf(returnData.id), [
    { device_kind: 'other', device_label: '小米 14', client_ip: '2001:db8::1' },
  ]);
  await logIn(user, {});
  t.deepEqual(await keptOf(returnData.id), [{ device_kind: null, device_label: null, client_ip: null }]);
});

test.serial('many log-ins at once each keep their own', async (t) => {
  const users = Array.from({ length: 30 }, newUser);
  const ids = await Promise.all(users.map(async (user) => (await logIn(user, {})).returnData.id as string));
  // Renewals go together into one statement.
  await Promise.all(
    users.map((user, index) => logIn(user, { device: `android ${index}`, client_ip: `10.0.0.${index}` })),
  );
  for (const [index, id] of ids.entries())
    t.deepEqual(await keptOf(id), [
      { device_kind: 'android', device_label: String(index), client_ip: `10.0.0.${index}` },
    ]);
});

for (const [what, sent, reason] of [
  ['a device that is no text', { device: { kind: 'ios' } }, 'device_invalid'],
  ['an empty device', { device: '' }, 'device_invalid'],
  ['a device of control characters alone', { device: '\u0000\u200B\u202E' }, 'device_invalid'],
  ['a device longer than anybody means', { device: 'x'.repeat(513) }, 'device_invalid'],
  ['an address that is none', { client_ip: '203.0.113.700' }, 'client_ip_invalid'],
  ['an address with a zone', { client_ip: 'fe80::1%eth0' }, 'client_ip_invalid'],
] as const)
  test.serial(`${what} is 1003, and WeChat is not asked`, async (t) => {
    const answer = await logIn(newUser(), sent);
    t.is(answer.returnCode, 1003);
    t.is(answer.reason, reason);
  });

test.serial('a label is cut to 64 characters and holds nothing that changes how it is read', async (t) => {
  const { returnData } = await logIn(newUser(), { device: `android \u202E${'電'.repeat(100)}\n\u0000` });
  t.deepEqual(await keptOf(returnData.id), [
    { device_kind: 'android', device_label: '電'.repeat(64), client_ip: null },
  ]);
});

test.serial('a user has one session per kind of device, if the app says so', async (t) => {
  await set('--policy', 'multi', '--max-sessions', '5', '--per-device');
  const user = newUser();
  const sessions = [];
  for (const device of ['ios iPhone 12', 'android Mi 14', undefined, 'ios iPhone 15'])
    sessions.push(
      (await logIn(user, device === undefined ? {} : { device })).returnData as { id: string; skey: string },
    );
  const valid = await Promise.all(
    sessions.map(async ({ id, skey }) => (await call(url, 'qcloud.cam.auth', { id, skey })).returnCode),
  );
  t.deepEqual(valid, [60012, 0, 0, 0], 'the new iPhone has taken the place of the old one');
  t.is(sessions[3]?.id, sessions[0]?.id);
  const late = await logIn(user, {});
  t.is(late.returnData.id, sessions[2]?.id, 'those that name no device are of one kind');
});

test.serial('first log-ins on one kind of device at once leave one session', async (t) => {
  const user = newUser();
  const answers = await Promise.all(Array.from({ length: 6 }, () => logIn(user, { device: 'ios iPad' })));
  t.deepEqual([...new Set(answers.map(({ returnCode }) => returnCode))], [0]);
  t.is(new Set(answers.map(({ returnData }) => returnData.id)).size, 1);
});

test.serial('a session tells by which caller’s key its last log-in came', async (t) => {
  const keyOf = async (name: string) => {
    const { json } = await wafer('caller', 'add', name, '--json');
    noteSecret('caller key', json.key);
    return (json.path as string).replace('/mina_auth/', '');
  };
  const [shop, forum] = [await keyOf('shop'), await keyOf('forum')];
  const users = Array.from({ length: 12 }, newUser);
  const logInBy = (path: string) =>
    Promise.all(users.map(async (user) => (await login(`${url}${path}`, `${user}~${newUser()}`)).returnData.id));
  const callersOf = async (ids: readonly string[]) => {
    const rows = await database.query<{ caller: string | null }>(
      `select distinct caller from cSessionInfo where uuid in (${ids.map(() => '?').join()})`,
      [...ids],
    );
    return rows.map(({ caller }) => caller);
  };
  t.deepEqual(await callersOf(await logInBy(shop)), ['shop']);
  t.deepEqual(await callersOf(await logInBy(forum)), ['forum'], 'renewals, many in one statement');
  const [id = ''] = await logInBy(shop);
  t.regex((await wafer('session', 'show', '--id', id)).stdout, /^  by caller +shop$/m);
  const openId = openIdOf(testAppid, users[0] as string);
  t.is((await wafer('user', 'export', '--open-id', openId, '--json')).json.sessions[0].caller, 'shop');
  t.deepEqual(await callersOf(await logInBy('')), [null], 'through the open door');
});

test.serial('what is kept is shown, exported, and gone with the person', async (t) => {
  const { returnData } = await login(url, newUser());
  const openId = (returnData.user_info as { openId: string }).openId;
  await database.query(
    "update cSessionInfo set device_kind = 'ios', device_label = 'iPhone', client_ip = '203.0.113.9' where uuid = ?",
    [returnData.id],
  );
  const shown = await wafer('session', 'show', '--id', returnData.id);
  t.regex(shown.stdout, /^device +ios iPhone$/m);
  t.regex(shown.stdout, /203\.0\.113\.9/);
  const { json } = await wafer('user', 'export', '--open-id', openId, '--json');
  t.like(json.sessions[0], { device_kind: 'ios', device_label: 'iPhone', client_ip: '203.0.113.9' });
  await wafer('user', 'erase', '--open-id', openId);
  t.deepEqual(await database.query("select id from cSessionInfo where client_ip = '203.0.113.9'"), []);
});
