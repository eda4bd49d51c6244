import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { createUser, encryptWithIv, phoneInfoOf, sessionKeyOf } from '../../apps/wechat-simulator/users.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readAllColumns } from '../support/database-dump.ts';
import { whileLoaded } from '../support/load.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';

const key = () => randomBytes(32).toString('base64');
const [one, two, three] = [key(), key(), key()];
const oldFirst = `1:${one},2:${two}`;
const newFirst = `2:${two},1:${one}`;

const onClose = closeAfterAll(test);
// The front end has no keys in any of these tests.
const stack = await startStack({ onClose, workers: 0 });
const [url] = stack.urls;
const { query } = stack.database;
const wafer = (keys: string, args: string[], stdin = '') => runCli({ ...stack.env, WAFER_KEYS: keys }, args, { stdin });

/** Ends with its test, however that ends: one with other keys would answer for the next ones. */
async function addWorker(t: ExecutionContext, env?: Record<string, string>): Promise<{ close(): Promise<void> }> {
  const worker = await stack.addWorker(env);
  t.teardown(() => worker.close());
  return worker;
}

interface User {
  readonly name: string;
  readonly session: { readonly id: string; readonly skey: string };
}

async function logIn(t: ExecutionContext, name = newUser()): Promise<User> {
  const answer = await login(url, `${name}~${newUser()}`);
  t.is(answer.returnCode, 0, answer.text);
  return { name, session: answer.returnData as User['session'] };
}

/** What a worker makes of data that the user's session_key has encrypted. */
function decrypt({ name, session }: User, sessionKey = createUser(testAppid, name).sessionKey) {
  const data = encryptWithIv(sessionKey, { of: name, watermark: { appid: testAppid, timestamp: 1 } });
  return call(url, 'qcloud.cam.decrypt', { ...session, ...data });
}

async function assertAllDecrypt(t: ExecutionContext, users: readonly User[]): Promise<void> {
  for (const user of users) {
    const answer = await decrypt(user);
    t.is(answer.returnMessage, 'DECRYPT_SUCCESS', answer.text);
    t.true(String(answer.returnData).includes(user.name));
  }
}

const storedKeys = async () =>
  (await query<{ session_key: string }>('select session_key from cSessionInfo')).map((row) => row.session_key);

test.serial('with keys no column of MySQL holds a secret or a session_key in plain', async (t) => {
  const worker = await addWorker(t, { WAFER_KEYS: `1:${one}` });
  await untilReady(url);
  const set = await wafer(`1:${one}`, ['app', 'set', testAppid], testSecret);
  t.is(set.status, 0, set.stderr);
  const kept = await wafer(`1:${one}`, ['app', 'set', testAppid, '--keep-previous'], `${testSecret}b`);
  t.is(kept.status, 0, kept.stderr);
  const users = await Promise.all(Array.from({ length: 20 }, () => logIn(t)));
  const [first] = users as [User, ...User[]];
  t.is((await call(url, 'qcloud.cam.resetkey', first.session)).returnMessage, 'RESETKEY_SUCCESS');

  const dump = await readAllColumns(stack.database);
  t.true(dump.includes(first.session.id));
  const { openid } = createUser(testAppid, first.name);
  const secrets = [
    testSecret,
    sessionKeyOf(testAppid, openid, 1),
    ...users.map(({ name }) => createUser(testAppid, name).sessionKey),
  ];
  t.deepEqual(
    secrets.filter((secret) => dump.includes(secret)),
    [],
  );
  t.is((await storedKeys()).filter((stored) => stored.startsWith('wafer:1:')).length, users.length);
  await worker.close();
});

test.serial('every call that needs the session_key finds it', async (t) => {
  const worker = await addWorker(t, { WAFER_KEYS: `1:${one}` });
  await untilReady(url);
  const user = await logIn(t);
  const { openid, sessionKey } = createUser(testAppid, user.name);
  const info = encryptWithIv(sessionKey, phoneInfoOf(testAppid, user.name));
  const answers = async (liveKey: string, phoneData: object) => [
    (await decrypt(user, liveKey)).returnMessage,
    (await call(url, 'qcloud.cam.phone', { ...user.session, ...phoneData })).returnMessage,
    (await call(url, 'qcloud.cam.checksession', user.session)).returnData,
  ];
  const expected = ['DECRYPT_SUCCESS', 'PHONE_SUCCESS', { valid: true }];
  t.deepEqual(await answers(sessionKey, info), expected);
  t.is((await call(url, 'qcloud.cam.resetkey', user.session)).returnMessage, 'RESETKEY_SUCCESS');
  const renewed = sessionKeyOf(testAppid, openid, 1);
  t.deepEqual(await answers(renewed, encryptWithIv(renewed, phoneInfoOf(testAppid, user.name))), expected);
  await worker.close();
});

test.serial('rotation under log-ins of workers with different first keys loses no session_key', async (t) => {
  const workers = [await addWorker(t, { WAFER_KEYS: oldFirst }), await addWorker(t, { WAFER_KEYS: newFirst })];
  await untilReady(url);
  // Rows as the original writes them: in plain, without an app.
  const originals = Array.from({ length: 1500 }, () => {
    const name = newUser();
    return { name, session: { id: randomBytes(16).toString('hex'), skey: randomBytes(16).toString('hex') } };
  });
  const now = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
  await query(
    'insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info) values ?',
    [
      originals.map(({ name, session }) => {
        const { openid, sessionKey } = createUser(testAppid, name);
        return [session.id, session.skey, now, now, openid, sessionKey, ''];
      }),
    ],
  );
  const users = new Map<string, User>();
  // Users of the original come back, and new ones come, while everything is encrypted anew.
  let next = 0;
  const logInNext = async () => {
    // Each user once: of two log-ins at once only the later one's session stays.
    const number = next++;
    const user = await logIn(t, number % 2 === 0 ? originals[number]?.name : undefined);
    users.set(user.name, user);
    return undefined;
  };
  const { failures } = await whileLoaded([logInNext, logInNext, logInNext, logInNext], async () => {
    const run = await wafer(newFirst, ['keys', 'rotate', '--rows-per-second', '1000', '--json']);
    // Left over is at most what the worker with the old key has written meanwhile.
    t.deepEqual(
      Object.keys(run.json.sessionKeys).filter((version) => !['1', '2'].includes(version)),
      [],
    );
    t.is(run.json.sessions.unreadable, 0);
    t.true(run.json.sessions.changed >= originals.length);
  });
  t.deepEqual(failures, []);
  t.true(users.size >= 20, `${users.size} log-ins during the rotation`);
  await workers[0]?.close();
  const rest = await wafer(newFirst, ['keys', 'rotate', '--json']);
  t.is(rest.status, 0, rest.stdout + rest.stderr);
  t.deepEqual([Object.keys(rest.json.secrets), Object.keys(rest.json.sessionKeys), rest.json.left], [['2'], ['2'], 0]);
  await assertAllDecrypt(t, [...users.values()]);
  await assertAllDecrypt(t, originals.filter(({ name }) => !users.has(name)).slice(0, 50));
  const again = await wafer(newFirst, ['keys', 'rotate', '--json']);
  t.deepEqual([again.json.sessions.changed, again.json.apps.changed], [0, []]);
  await workers[1]?.close();
});

test.serial('a worker takes no jobs until it can read the secrets, and says why', async (t) => {
  const port = await findFreePort();
  const worker = await addWorker(t, { WAFER_KEYS: `3:${three}`, WORKER_HEALTH_PORT: String(port) });
  const ready = () => fetch(`http://127.0.0.1:${port}/readyz`);
  const reasons = async () => ((await (await ready()).json()) as { reasons: string[] }).reasons;
  await until('keys are all that it lacks', async () => String(await reasons()) === 'starting,keys');
  t.is((await ready()).status, 503);
  const status = await wafer(`3:${three}`, ['keys', 'status', '--json']);
  t.is(status.status, 1);
  t.deepEqual([status.json.missing, status.json.writes], [[2], 3]);
  const doctor = await wafer(`3:${three}`, ['doctor', '--json']);
  const finding = doctor.json.findings.find(({ check }: { check: string }) => check === 'keys');
  t.is(finding.state, 'fault');
  t.regex(finding.found, /lacks key 2/);
  const rotate = await wafer(`3:${three}`, ['keys', 'rotate', '--json']);
  t.is(rotate.status, 1);
  t.is(rotate.json.sessions.changed, 0);
  t.true(rotate.json.sessions.unreadable > 1500);

  const plain = await wafer(`plain,${newFirst}`, ['keys', 'plain', '--rows-per-second', '100000']);
  t.is(plain.status, 0, plain.stdout + plain.stderr);
  await until('the worker takes jobs', async () => (await ready()).status === 200);
  await logIn(t);
  await worker.close();
  const back = await wafer(`${newFirst},3:${three}`, ['keys', 'rotate', '--rows-per-second', '100000']);
  t.is(back.status, 0, back.stdout + back.stderr);
});

test.serial('keys that a running worker lacks fail its calls clearly, and never as 60012', async (t) => {
  const worker = await addWorker(t, { WAFER_KEYS: newFirst });
  await untilReady(url);
  const [alice, bob] = [await logIn(t), await logIn(t)];
  const outcome = (answer: { returnCode: number; reason: string | null }) => [answer.returnCode, answer.reason];
  const rowOf = (user: User) => [createUser(testAppid, user.name).openid];

  // One row's value in another.
  await query(
    'update cSessionInfo a join cSessionInfo b on b.open_id = ? set a.session_key = b.session_key where a.open_id = ?',
    [...rowOf(alice), ...rowOf(bob)],
  );
  t.deepEqual(outcome(await decrypt(bob)), [1001, 'ciphertext_invalid']);
  t.is((await auth(url, bob.session)).returnCode, 0);
  await assertAllDecrypt(t, [alice]);

  // A key that only another process has: the command refuses that where it can ask the worker, which it can't in another Redis.
  const early = `3:${three},${newFirst}`;
  t.is((await wafer(early, ['keys', 'rotate', '--json'])).json.error.code, 'worker_lacks_key');
  const elsewhere = await startTestRedis({ onClose: t.teardown });
  const env = { ...stack.env, REDIS_URL: elsewhere?.url ?? '', WAFER_KEYS: early };
  t.is((await runCli(env, ['keys', 'rotate', '--json'])).json.sessions.unreadable, 1);
  for (const name of ['decrypt', 'checksession', 'resetkey', 'phone', 'userinfo']) {
    const para = { ...alice.session, encrypt_data: 'AAAA', iv: 'AAAA' };
    t.deepEqual(outcome(await call(url, `qcloud.cam.${name}`, para)), [1001, 'key_missing'], name);
  }
  t.is((await auth(url, alice.session)).returnCode, 0);
  await until('the worker has read the apps again', async () => {
    const answer = await login(url, `${newUser()}~late`);
    return answer.returnCode === 1006 && answer.reason === 'key_missing';
  });
  await worker.close();

  const able = await addWorker(t, { WAFER_KEYS: early });
  await untilReady(url);
  await assertAllDecrypt(t, [alice]);
  // The next log-in mends the row whose key was lost.
  await assertAllDecrypt(t, [await logIn(t, bob.name)]);
  await able.close();
});

test.serial('app set is refused without the keys that workers have', async (t) => {
  const set = await wafer('', ['app', 'set', testAppid, '--json'], testSecret);
  t.deepEqual([set.status, set.json.error.code], [1, 'keys_missing']);
  const plain = await wafer(newFirst, ['keys', 'plain', '--json']);
  t.deepEqual([plain.status, plain.json.error.code], [1, 'keys_in_use']);
  t.false(plain.stdout.includes(two));
  for (const keys of ['', `plain,${newFirst}`]) {
    const rotate = await wafer(keys, ['keys', 'rotate', '--json']);
    t.deepEqual([rotate.status, rotate.json.error.code], [1, 'keys_missing']);
  }
});

test.serial('after keys plain the statements of the original read plain values', async (t) => {
  const back = `plain,3:${three},${newFirst}`;
  const worker = await addWorker(t, { WAFER_KEYS: back });
  await untilReady(url);
  const run = await wafer(back, ['keys', 'plain', '--json']);
  t.is(run.status, 0, run.stdout + run.stderr);
  t.deepEqual([Object.keys(run.json.secrets), Object.keys(run.json.sessionKeys)], [['plain'], ['plain']]);
  const user = await logIn(t);
  const { id, skey } = user.session;
  const [session] = await query('select * from cSessionInfo where uuid = ? and skey = ?', [id, skey]);
  t.is(session?.['session_key'], createUser(testAppid, user.name).sessionKey);
  t.is((await query('select * from cAppinfo'))[0]?.['secret'], `${testSecret}b`);
  t.deepEqual(
    (await storedKeys()).filter((stored) => stored.startsWith('wafer:')),
    [],
  );
  await worker.close();
  // What is plain needs no key.
  const without = await addWorker(t);
  await untilReady(url);
  await assertAllDecrypt(t, [user]);
  await without.close();
});
