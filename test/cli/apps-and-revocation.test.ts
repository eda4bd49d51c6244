import test from 'ava';
import { auth, call, login, newUser } from '../support/client.ts';
import { startStack, testAppid, testSecret, type TestStack } from '../support/stack.ts';
import { runCli } from './run-cli.ts';

const otherAppid = 'wxffffffffffffffff';
const closers: (() => Promise<void>)[] = [];
const stack: TestStack = await startStack({ onClose: (close) => void closers.push(close), webs: 2 });
const [url] = stack.urls;
test.after.always(async () => {
  for (const close of closers) await close();
});

test.serial('app set takes policy, grace and default, keeps a previous secret, and app list tells', async (t) => {
  const set = await runCli(stack.env, ['app', 'set', otherAppid, '--json'], { stdin: `${'f'.repeat(32)}\n` });
  t.is(set.status, 0, set.stderr);
  t.false(set.json.isDefault);
  const options = ['--default', '--policy', 'multi', '--max-sessions', '3', '--grace', '5', '--keep-previous'];
  const changed = await runCli(stack.env, ['app', 'set', testAppid, ...options, '--json'], { stdin: 'new-secret\n' });
  t.is(changed.status, 0, changed.stderr);
  t.like(changed.json, { appid: testAppid, isDefault: true, maxSessions: 3, graceSeconds: 5, created: false });
  const rows = await stack.database.query('select secret, previous_secret from cAppinfo where appid = ?', [testAppid]);
  t.deepEqual(rows, [{ secret: 'new-secret', previous_secret: testSecret }]);
  const list = await runCli(stack.env, ['app', 'list', '--json']);
  const app = list.json.apps.find((each: { appid: string }) => each.appid === testAppid);
  t.like(app, { isDefault: true, hasSecret: true, hasPreviousSecret: true });
  t.false(list.stdout.includes('new-secret') || list.stdout.includes(testSecret));
  t.is((await runCli(stack.env, ['app', 'set', testAppid, '--policy', 'many'], { stdin: 'x\n' })).status, 2);
  const back = await runCli(stack.env, ['app', 'set', testAppid, '--policy', 'single', '--grace', '0'], {
    stdin: `${testSecret}\n`,
  });
  t.is(back.status, 0, back.stderr);
  t.deepEqual(await stack.database.query('select previous_secret from cAppinfo where appid = ?', [testAppid]), [
    { previous_secret: null },
  ]);
});

test.serial('one app, then everything, is revoked at once; later log-ins are good', async (t) => {
  const mine = (await login(url, newUser())).returnData;
  const theirs = (await call(url, 'qcloud.cam.id_skey', { code: newUser(), appid: otherAppid })).returnData;
  const codes = async (session: { id: string; skey: string }) =>
    Promise.all(stack.urls.map(async (web) => (await auth(web, session)).returnCode));
  t.deepEqual(
    [await codes(mine), await codes(theirs)],
    [
      [0, 0],
      [0, 0],
    ],
  );

  const revoked = await runCli(stack.env, ['session', 'revoke', '--appid', testAppid]);
  t.is(revoked.status, 0, revoked.stderr);
  t.deepEqual(
    [await codes(mine), await codes(theirs)],
    [
      [60012, 60012],
      [0, 0],
    ],
  );
  const everything = await runCli(stack.env, ['session', 'revoke', '--everything', '--json']);
  t.deepEqual(everything.json.silent, []);
  t.deepEqual(await codes(theirs), [60012, 60012]);
  t.deepEqual(await codes((await login(url, newUser())).returnData), [0, 0]);

  t.is((await runCli(stack.env, ['session', 'revoke', '--appid', 'wxnope'])).status, 1);
  t.is((await runCli(stack.env, ['session', 'revoke'])).status, 2);
  t.is((await runCli(stack.env, ['session', 'revoke', '--everything', '--id', 'x'])).status, 2);
});
