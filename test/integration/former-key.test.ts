import test, { type ExecutionContext } from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import { createUser, encryptWithIv, sessionKeyOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, newUser, type Answer } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { sealLegacy } from '../support/sealed-data.ts';
import { startStack, testAppid, untilReady } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0, env: { LEGACY_DECRYPT: 'true' } });
const port = await findFreePort();
await stack.addWorker({ WORKER_HEALTH_PORT: String(port) });
const [url] = stack.urls;
await untilReady(url);
const { query } = stack.database;
const wechat = stack.wechat as Simulator;
const nowSeconds = () => Math.floor(Date.now() / 1000);

interface User {
  readonly name: string;
  readonly openid: string;
  session: { id: string; skey: string };
  /** Of his n-th log-in. */
  readonly key: (login: number) => string;
}

/** A user whose every log-in renews his key, after his first one. */
async function newcomer(): Promise<User> {
  const name = `newkey${newUser()}`;
  const { openid } = createUser(testAppid, name);
  const key = (login: number) => {
    const sessionKey = sessionKeyOf(testAppid, openid, login);
    noteSecret('session_key', sessionKey);
    return sessionKey;
  };
  return { name, openid, session: (await logIn({ name })).returnData as User['session'], key };
}

const logIn = ({ name }: { readonly name: string }, sent: object = {}) =>
  call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}`, ...sent });
const logInAgain = async (user: User) => void (user.session = (await logIn(user)).returnData as User['session']);
const profile = (timestamp = nowSeconds(), more: object = {}) => ({
  nickName: 'Ada',
  ...more,
  watermark: { appid: testAppid, timestamp },
});
const decrypt = ({ session }: User, data: object) => call(url, 'qcloud.cam.decrypt', { ...session, ...data });
const outcome = ({ returnCode, reason }: Answer) => [returnCode, reason];
const wafer = async (t: ExecutionContext, ...args: string[]) => {
  const run = await runCli(stack.env, args);
  t.is(run.status, 0, run.stderr);
  return run;
};
const refusedByDecrypt = 'GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL';

/** What the row of a session keeps: in plain text here. */
async function formerKeysOf({ session }: User): Promise<[number, string][] | null> {
  const [row] = await query<{ former_keys: string | null }>('select former_keys from cSessionInfo where uuid = ?', [
    session.id,
  ]);
  return JSON.parse(row?.former_keys ?? 'null') as [number, string][] | null;
}

test.serial('a log-in keeps the key that it replaces, by the statements of before', async (t) => {
  const user = await newcomer();
  t.is(await formerKeysOf(user), null);
  const statements = await stack.database.countStatements(() => logInAgain(user));
  t.deepEqual(
    // Now and then the worker counts live sessions.
    statements
      .filter(({ table, text }) => table === 'cSessionInfo' && /session_key|former_keys/.test(text))
      .map(({ kind }) => kind),
    ['select', 'update'],
  );
  const [[replacedAt, key] = [0, '']] = (await formerKeysOf(user)) ?? [];
  t.is(key, user.key(1));
  t.true(Math.abs(nowSeconds() - replacedAt) < 60);
});

test.serial('an answer that a former key opened is the same but for its reason', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const data = profile();
  const [former, latest] = [
    await decrypt(user, encryptWithIv(user.key(1), data)),
    await decrypt(user, encryptWithIv(user.key(2), data)),
  ];
  t.is(former.text, latest.text);
  t.deepEqual([former.reason, latest.reason], ['former_key', null]);
});

test.serial('a watermark of over 5 s after the change is refused as what no key opens', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const [[replacedAt]] = (await formerKeysOf(user)) as [[number, string]];
  const tryWith = (timestamp: unknown) =>
    decrypt(user, encryptWithIv(user.key(1), { ...profile(), watermark: { appid: testAppid, timestamp } }));
  const nothing = await decrypt(user, encryptWithIv(user.key(7), profile()));
  t.is(nothing.returnMessage, refusedByDecrypt);
  for (const timestamp of [replacedAt + 6, replacedAt + 1e9, String(replacedAt), null, undefined]) {
    const answer = await tryWith(timestamp);
    t.deepEqual([answer.text, answer.reason], [nothing.text, nothing.reason]);
  }
  for (const timestamp of [replacedAt - 1e6, replacedAt, replacedAt + 5])
    t.deepEqual(outcome(await tryWith(timestamp)), [0, 'former_key']);
});

test.serial('a former key opens nothing of another app or user, and no piece of another kind', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const update = (data: object) =>
    call(url, 'qcloud.cam.userinfo', { ...user.session, ...encryptWithIv(user.key(1), data) });
  const watermark = { appid: 'wxother', timestamp: nowSeconds() };
  t.deepEqual(outcome(await update({ ...profile(), watermark })), [60021, 'user_data_not_decrypted']);
  t.deepEqual(outcome(await update(profile(nowSeconds(), { openId: `${user.openid}x` }))), [60021, 'other_user']);
  t.deepEqual(outcome(await update(profile(nowSeconds(), { phoneNumber: '1' }))), [60021, 'user_data_not_decrypted']);
  t.deepEqual(outcome(await update(profile())), [0, 'former_key']);
});

test.serial('the scheme of 2016 knows no former key', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const sealed = (login: number) => ({ encrypt_data: sealLegacy(user.key(login), JSON.stringify(profile())) });
  t.is((await decrypt(user, sealed(2))).returnCode, 0);
  t.is((await decrypt(user, sealed(1))).returnMessage, refusedByDecrypt);
  const answer = await logIn(user, sealed(2));
  t.deepEqual([answer.returnCode, answer.returnData.user_info], [0, null]);
});

test.serial('a former key has had its time after a quarter of an hour', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const age = async (seconds: number) =>
    query('update cSessionInfo set former_keys = ? where uuid = ?', [
      JSON.stringify([[nowSeconds() - seconds, user.key(1)]]),
      user.session.id,
    ]);
  const sealed = encryptWithIv(user.key(1), profile(nowSeconds() - 1000));
  await age(890);
  t.is((await decrypt(user, sealed)).reason, 'former_key');
  await age(901);
  t.is((await decrypt(user, sealed)).returnMessage, refusedByDecrypt);
  await logInAgain(user);
  t.deepEqual(
    (await formerKeysOf(user))?.map(([, key]) => key),
    [user.key(2)],
  );
});

test.serial('of many log-ins in a row the last three keys stay, and open what they sealed', async (t) => {
  const user = await newcomer();
  for (let login = 2; login <= 6; login++) await logInAgain(user);
  t.deepEqual(
    (await formerKeysOf(user))?.map(([, key]) => key),
    [5, 4, 3].map(user.key),
  );
  for (const login of [6, 5, 4, 3])
    t.is((await decrypt(user, encryptWithIv(user.key(login), profile()))).returnCode, 0);
  t.is((await decrypt(user, encryptWithIv(user.key(2), profile()))).returnCode, 60021);
});

test.serial('a log-in that gets the same key again leaves the former one as it was', async (t) => {
  const name = newUser();
  const { openid, sessionKey } = createUser(testAppid, name);
  const user: User = { name, openid, session: (await logIn({ name })).returnData as User['session'], key: () => '' };
  await query('update cSessionInfo set session_key = ? where uuid = ?', ['b2xkZXIga2V5IHRoYXQgaXM=', user.session.id]);
  await logInAgain(user);
  const kept = await formerKeysOf(user);
  t.is(kept?.length, 1);
  await logInAgain(user);
  t.deepEqual(await formerKeysOf(user), kept);
  t.is((await decrypt(user, encryptWithIv(sessionKey, profile()))).reason, null);
});

test.serial('a session that ended by log-out, revocation or age gives no former key', async (t) => {
  const ends: [string, (user: User) => Promise<unknown>][] = [
    ['log-out', async ({ session }) => call(url, 'qcloud.cam.logout', session)],
    ['revoked', async ({ session }) => wafer(t, 'session', 'revoke', '--id', session.id)],
    ['app revoked', async () => wafer(t, 'session', 'revoke', '--everything')],
    [
      'age',
      async ({ session }) =>
        query("update cSessionInfo set create_time = '2001-01-01', last_visit_time = '2001-01-01' where uuid = ?", [
          session.id,
        ]),
    ],
  ];
  for (const [how, end] of ends) {
    const user = await newcomer();
    await logInAgain(user);
    const data = [1, 2].map((login) => encryptWithIv(user.key(login), profile()));
    await end(user);
    // Times that somebody changes in MySQL are not seen at once.
    if (how !== 'age') t.is((await decrypt(user, data[1] as object)).returnMessage, 'GET_SESSION_KEY_FAIL', how);
    if (how === 'log-out' || how === 'revoked') t.is(await formerKeysOf(user), null, how);
    for (const each of data) t.deepEqual(outcome(await logIn(user, each)), [60021, 'user_data_not_decrypted'], how);
    await logInAgain(user);
    t.is(await formerKeysOf(user), null, how);
  }
});

test.serial('a key that resetkey renews is no former key, nor are those before it', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  t.is((await call(url, 'qcloud.cam.resetkey', user.session)).returnCode, 0);
  t.is(await formerKeysOf(user), null);
  for (const login of [1, 2]) t.is((await decrypt(user, encryptWithIv(user.key(login), profile()))).returnCode, 60021);
  t.is((await decrypt(user, encryptWithIv(user.key(3), profile()))).returnCode, 0);
});

test.serial('a session gets the former key of the user, whichever device had it', async (t) => {
  await wafer(t, 'app', 'set', testAppid, '--policy', 'multi', '--max-sessions', '2');
  const user = await newcomer();
  const first = user.session;
  const sealed = encryptWithIv(user.key(1), profile());
  await logInAgain(user);
  t.not(user.session.id, first.id);
  t.is((await decrypt(user, sealed)).reason, 'former_key');
  t.is((await decrypt({ ...user, session: first }, sealed)).reason, null);
  // The third takes the place of the first, and the key that it replaces is the second's.
  await logInAgain(user);
  t.is(user.session.id, first.id);
  t.deepEqual(
    (await formerKeysOf(user))?.map(([, key]) => key),
    [2, 1].map(user.key),
  );
  await wafer(t, 'app', 'set', testAppid, '--policy', 'single');
});

test.serial('within its time of grace the skey before finds the former key too', async (t) => {
  await wafer(t, 'app', 'set', testAppid, '--grace', '60');
  const user = await newcomer();
  const before = { ...user };
  const sealed = encryptWithIv(user.key(1), profile());
  await logInAgain(user);
  t.is((await decrypt(before, sealed)).reason, 'former_key');
  await wafer(t, 'app', 'set', testAppid, '--grace', '0');
});

test.serial('the same log-in again gets the same answer and reason', async (t) => {
  const user = await newcomer();
  const sent = { code: `${user.name}~${newUser()}`, ...encryptWithIv(user.key(1), profile()) };
  const first = await call(url, 'qcloud.cam.id_skey', sent);
  t.deepEqual(outcome(first), [0, 'former_key']);
  const again = await call(url, 'qcloud.cam.id_skey', sent);
  t.deepEqual([again.text, again.reason], [first.text, first.reason]);
  t.is((await auth(url, first.returnData as User['session'])).returnData.user_info.nickName, 'Ada');
});

test.serial('a signature counts under the key that opens its data', async (t) => {
  const user = await newcomer();
  const before = wechat.userData(testAppid, user.name);
  await logInAgain(user);
  const now = wechat.userData(testAppid, user.name);
  const { encrypt_data, iv, rawData, signature } = before;
  const update = (para: object) => call(url, 'qcloud.cam.userinfo', { ...user.session, ...para });
  t.deepEqual(outcome(await update({ encrypt_data, iv, rawData, signature })), [0, 'former_key']);
  const mixed = { encrypt_data, iv, rawData: now.rawData, signature: now.signature };
  t.deepEqual(outcome(await update(mixed)), [60021, 'user_data_not_decrypted']);
  const wrong = { encrypt_data, iv, rawData, signature: 'a'.repeat(40) };
  t.deepEqual(outcome(await update(wrong)), [60021, 'signature_wrong']);
  // Of a log-in without data only the latest key counts.
  t.deepEqual(outcome(await logIn(user, { rawData, signature })), [60021, 'signature_wrong']);
});

test.serial('a try with several keys is one of the thirty, and what opens counts none', async (t) => {
  const user = await newcomer();
  for (let login = 2; login <= 4; login++) await logInAgain(user);
  const good = encryptWithIv(user.key(2), profile());
  const bad = encryptWithIv(user.key(9), profile());
  for (let count = 0; count < 29; count++) {
    t.is((await decrypt(user, bad)).reason, null);
    if (count % 10 === 0) t.is((await decrypt(user, good)).reason, 'former_key');
  }
  t.is((await decrypt(user, good)).reason, 'former_key');
  t.is((await decrypt(user, bad)).reason, null);
  t.is((await decrypt(user, good)).reason, 'too_many_failures');
});

test.serial('metrics tell what was opened by a former key', async (t) => {
  const user = await newcomer();
  await logInAgain(user);
  const count = async (call: string, result: string) =>
    Number(
      new RegExp(`^wafer_user_data_total\\{call="${call}",result="${result}"\\} (\\d+)$`, 'm').exec(
        await readFreshMetrics(`http://127.0.0.1:${port}`),
      )?.[1] ?? 0,
    );
  const before = [await count('decrypt', 'opened'), await count('decrypt', 'opened_former')] as const;
  const logins = await count('login', 'opened_former');
  await decrypt(user, encryptWithIv(user.key(2), profile()));
  await decrypt(user, encryptWithIv(user.key(1), profile()));
  t.is((await logIn(user, encryptWithIv(user.key(2), profile()))).reason, 'former_key');
  t.deepEqual(
    [await count('decrypt', 'opened'), await count('decrypt', 'opened_former'), await count('login', 'opened_former')],
    [before[0] + 1, before[1] + 1, logins + 1],
  );
});

test.serial('without-profile lets a log-in in whose data no key opens, and says why', async (t) => {
  const user = await newcomer();
  const junk = encryptWithIv(user.key(9), profile());
  t.deepEqual(outcome(await logIn(user, junk)), [60021, 'user_data_not_decrypted']);
  const set = await wafer(t, 'app', 'set', testAppid, '--undecrypted', 'without-profile', '--json');
  t.true(set.json.leavesOutUndecrypted);
  t.regex((await wafer(t, 'app', 'list')).stdout, /undecrypted: without-profile/);

  const left = await logIn(user, junk);
  t.deepEqual(outcome(left), [0, 'user_data_not_decrypted']);
  t.is(left.returnData.user_info.openId, user.openid);
  t.is(left.returnData.user_info.nickName, '');
  t.is((await auth(url, left.returnData as User['session'])).returnCode, 0);
  const { rawData, signature } = wechat.userData(testAppid, user.name);
  const unsigned = { ...junk, rawData, signature: signature.replaceAll(/[0-9]/g, 'a') };
  t.deepEqual(outcome(await logIn(user, unsigned)), [0, 'signature_wrong']);
  t.deepEqual(outcome(await logIn(user, { rawData, signature: 'a'.repeat(40) })), [60021, 'signature_wrong']);

  // What can be read and may not count is refused as before.
  const named = await newcomer();
  const another = encryptWithIv(named.key(1), profile(nowSeconds(), { openId: `${named.openid}x` }));
  t.deepEqual(outcome(await logIn(named, another)), [60021, 'other_user']);
  const opened = await logIn(named, encryptWithIv(named.key(3), profile()));
  t.deepEqual([...outcome(opened), opened.returnData.user_info.nickName], [0, null, 'Ada']);
  await wafer(t, 'app', 'set', testAppid, '--undecrypted', 'refuse');
  t.deepEqual(outcome(await logIn(user, junk)), [60021, 'user_data_not_decrypted']);
});

test.serial('without MySQL data that the new key does not open are not judged', async (t) => {
  const user = await newcomer();
  const sent = { code: `${user.name}~${newUser()}`, ...encryptWithIv(user.key(1), profile()) };
  stack.database.cut();
  t.deepEqual(outcome(await call(url, 'qcloud.cam.id_skey', sent)), [1006, 'store_unavailable']);
  stack.database.restore();
  let answer = await call(url, 'qcloud.cam.id_skey', sent);
  // A worker that has just failed to reach it does not try again with everybody.
  while (answer.returnCode === 1006) answer = await call(url, 'qcloud.cam.id_skey', sent);
  t.deepEqual(outcome(answer), [0, 'former_key']);
});
