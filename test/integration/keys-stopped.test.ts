import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createUser, encryptWithIv } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser } from '../support/client.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';

const key = () => randomBytes(32).toString('base64');
const [one, two] = [key(), key()];
const oldFirst = `1:${one},2:${two}`;
const newFirst = `2:${two},1:${one}`;

test('a rotation that stops half-way says what works, how to go on and how to go back', async (t) => {
  const stack = await startStack({ onClose: t.teardown, workers: 0, env: { WAFER_KEYS: oldFirst } });
  const encrypting = [await stack.addWorker()];
  const [url] = stack.urls;
  const { query } = stack.database;
  const wafer = (keys: string, args: string[], stdin = '') =>
    runCli({ ...stack.env, WAFER_KEYS: keys }, [...args, '--json'], { stdin });
  t.is((await wafer(oldFirst, ['app', 'set', testAppid], testSecret)).status, 0);
  const logIn = async () => {
    const name = newUser();
    const { returnCode, returnData, text } = await login(url, `${name}~1`);
    t.is(returnCode, 0, text);
    return { name, session: returnData as { id: string; skey: string } };
  };
  const users = [await logIn(), await logIn(), await logIn()];
  const assertAllWork = async () => {
    users.push(await logIn());
    for (const { name, session } of users) {
      const { sessionKey } = createUser(testAppid, name);
      const data = encryptWithIv(sessionKey, { watermark: { appid: testAppid, timestamp: 1 } });
      t.is((await call(url, 'qcloud.cam.decrypt', { ...session, ...data })).returnMessage, 'DECRYPT_SUCCESS');
    }
  };
  const versions = async () => {
    const { json } = await wafer(oldFirst, ['keys', 'status']);
    return [Object.keys(json.secrets), Object.keys(json.sessionKeys)];
  };

  encrypting.push(await stack.addWorker({ WAFER_KEYS: newFirst }));
  await untilReady(url);
  // The third session is one that this server refuses to change.
  await query(`create trigger refuse before update on cSessionInfo for each row
    if new.session_key like 'wafer:2:%' and old.session_key like 'wafer:1:%' and old.id % 3 = 0 then
      signal sqlstate '45000' set message_text = 'refused'; end if`);
  const stopped = await wafer(newFirst, ['keys', 'rotate', '--rows-per-second', '1000']);
  t.deepEqual([stopped.status, stopped.json.error.code], [1, 'conversion_stopped']);
  t.regex(stopped.json.error.message, /Nothing is lost.*log-ins go on.*To go on, run this again.*To go back, /s);
  t.regex(stopped.json.error.message, /the former key.*keys rotate, or keys plain/);
  t.deepEqual((await versions())[0], ['2']);
  await assertAllWork();

  t.is((await wafer(oldFirst, ['keys', 'rotate'])).status, 0);
  t.deepEqual(await versions(), [['1'], ['1']]);
  await assertAllWork();

  await query('drop trigger refuse');
  t.is((await wafer(newFirst, ['keys', 'rotate'])).status, 0);
  t.deepEqual((await versions())[0], ['2']);
  await assertAllWork();

  await query(`create trigger refuse before update on cSessionInfo for each row
    if new.session_key not like 'wafer:%' and old.session_key like 'wafer:%' then
      signal sqlstate '45000' set message_text = 'refused'; end if`);
  const writesPlain = await stack.addWorker({ WAFER_KEYS: `plain,${newFirst}` });
  for (const worker of encrypting) await worker.close();
  const plain = await wafer(`plain,${newFirst}`, ['keys', 'plain']);
  t.deepEqual([plain.status, plain.json.error.code], [1, 'conversion_stopped']);
  t.regex(plain.json.error.message, /begin with a key again.*keys rotate$/s);
  await assertAllWork();
  await stack.addWorker({ WAFER_KEYS: newFirst });
  await writesPlain.close();
  t.is((await wafer(newFirst, ['keys', 'rotate'])).status, 0);
  t.deepEqual((await versions())[0], ['2']);
});
