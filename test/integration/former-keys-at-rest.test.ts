import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { createUser, encryptWithIv, sessionKeyOf } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readAllColumns } from '../support/database-dump.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';

const key = () => randomBytes(32).toString('base64');
const [one, two] = [key(), key()];
const first = `1:${one},2:${two}`;
const next = `2:${two},1:${one}`;
const back = `plain,${next}`;

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const [url] = stack.urls;
const { query } = stack.database;
const wafer = async (keys: string, args: string[], stdin = '') =>
  runCli({ ...stack.env, WAFER_KEYS: keys }, [...args, '--json'], { stdin });

interface User {
  readonly name: string;
  readonly openid: string;
  readonly session: { readonly id: string; readonly skey: string };
}

/** A user who has logged in twice, so that his session has a former key. */
async function logInTwice(): Promise<User> {
  const name = `newkey${newUser()}`;
  const { openid } = createUser(testAppid, name);
  const logIn = () => call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}` });
  await logIn();
  return { name, openid, session: (await logIn()).returnData as User['session'] };
}

/** What a worker makes of data that the key of a user's n-th log-in has sealed. */
async function decrypt({ openid, session }: User, login: number): Promise<[number, string | null]> {
  const sessionKey = sessionKeyOf(testAppid, openid, login);
  noteSecret('session_key', sessionKey);
  const data = encryptWithIv(sessionKey, { watermark: { appid: testAppid, timestamp: 1 } });
  const { returnCode, reason } = await call(url, 'qcloud.cam.decrypt', { ...session, ...data });
  return [returnCode, reason];
}

async function startWorker(t: ExecutionContext, keys: string): Promise<{ close(): Promise<void> }> {
  const worker = await stack.addWorker({ WAFER_KEYS: keys });
  t.teardown(() => worker.close());
  await untilReady(url);
  return worker;
}

const assertOpens = async (t: ExecutionContext, users: readonly User[]) => {
  for (const user of users)
    t.deepEqual(
      [await decrypt(user, 2), await decrypt(user, 1)],
      [
        [0, null],
        [0, 'former_key'],
      ],
    );
};

test.serial('rotation and the way back take former keys along, which go on opening', async (t) => {
  const worker = await startWorker(t, first);
  t.is((await wafer(first, ['app', 'set', testAppid], testSecret)).status, 0);
  const users = await Promise.all(Array.from({ length: 5 }, logInTwice));
  const dump = await readAllColumns(stack.database);
  for (const { openid } of users)
    for (const login of [1, 2]) t.false(dump.includes(sessionKeyOf(testAppid, openid, login)));
  t.deepEqual((await wafer(first, ['keys', 'status'])).json.formerKeys, { 1: 5 });

  const rotated = await wafer(next, ['keys', 'rotate']);
  t.is(rotated.status, 0, rotated.stdout + rotated.stderr);
  t.deepEqual([rotated.json.formerKeys, rotated.json.left, rotated.json.sessions.changed], [{ 2: 5 }, 0, 5]);
  await assertOpens(t, users);
  const again = await wafer(next, ['keys', 'rotate']);
  t.is(again.json.sessions.changed, 0);

  await worker.close();
  await startWorker(t, back);
  const plain = await wafer(back, ['keys', 'plain']);
  t.is(plain.status, 0, plain.stdout + plain.stderr);
  t.deepEqual(plain.json.formerKeys, { plain: 5 });
  t.regex(await readAllColumns(stack.database), /\[\[\d+,"[A-Za-z0-9+/]{22}=="\]\]/);
  await assertOpens(t, users);
});

test.serial('a former key that can’t be read opens nothing and stops no call or log-in', async (t) => {
  await startWorker(t, next);
  await wafer(next, ['keys', 'rotate']);
  const [alice, bob] = [await logInTwice(), await logInTwice()];
  await query(
    'update cSessionInfo a join cSessionInfo b on b.open_id = ? set a.former_keys = b.former_keys where a.open_id = ?',
    [alice.openid, bob.openid],
  );
  t.deepEqual(await decrypt(bob, 2), [0, null]);
  t.is((await decrypt(bob, 1))[0], 60021);
  await assertOpens(t, [alice]);
  const status = await wafer(next, ['keys', 'status']);
  t.deepEqual([status.status, status.json.wrong.rows.length], [1, 1]);
  const [row] = await query<{ id: number }>('select id from cSessionInfo where open_id = ?', [bob.openid]);
  t.deepEqual((await wafer(next, ['keys', 'rotate'])).json.sessions.unreadableRows, [row?.id]);
  t.is((await call(url, 'qcloud.cam.id_skey', { code: `${bob.name}~mends` })).returnCode, 0);
  t.is((await wafer(next, ['keys', 'status'])).status, 0);
});
