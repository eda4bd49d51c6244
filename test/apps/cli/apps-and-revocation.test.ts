import test, { type ExecutionContext } from 'ava';
import { auth, call, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack, testAppid, testSecret, type TestStack } from '../../support/stack.ts';
import { runCli } from './run-cli.ts';

const otherAppid = 'wxffffffffffffffff';
const onClose = closeAfterAll(test);
const stack: TestStack = await startStack({ onClose, webs: 2 });
const [url] = stack.urls;
test.serial('app list tells policy, grace, default and previous secret of app set', async (t) => {
  const set = await runCli(stack.env, ['app', 'set', otherAppid, '--json'], { stdin: `${'f'.repeat(32)}\n` });
  t.is(set.status, 0, set.stderr);
  t.false(set.json.isDefault);
  const options = ['--default', '--policy', 'multi', '--max-sessions', '3', '--grace', '5', '--keep-previous'];
  const changed = await runCli(stack.env, ['app', 'set', testAppid, ...options, '--json'], {
    stdin: 'secret-of-a-change\n',
  });
  t.is(changed.status, 0, changed.stderr);
  t.like(changed.json, { appid: testAppid, isDefault: true, maxSessions: 3, graceSeconds: 5, created: false });
  const rows = await stack.database.query('select secret, previous_secret from cAppinfo where appid = ?', [testAppid]);
  t.deepEqual(rows, [{ secret: 'secret-of-a-change', previous_secret: testSecret }]);
  const list = await runCli(stack.env, ['app', 'list', '--json']);
  const app = list.json.apps.find((each: { appid: string }) => each.appid === testAppid);
  t.like(app, { isDefault: true, hasSecret: true, hasPreviousSecret: true });
  t.false(list.stdout.includes('secret-of-a-change') || list.stdout.includes(testSecret));
  t.is(
    (await runCli(stack.env, ['app', 'set', testAppid, '--policy', 'many'], { stdin: 'not-taken-as-secret\n' })).status,
    2,
  );
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

test.serial('revoked sessions stay void when their app is removed and set again', async (t) => {
  const session = await logInTo(otherAppid);
  const own = await logInTo(testAppid);
  await succeed('session', 'revoke', '--appid', otherAppid);
  await expectEverywhere(t, session, otherAppid, 60012);
  await succeed('app', 'remove', otherAppid);
  await expectEverywhere(t, session, undefined, 60012);
  await setOther();
  await expectEverywhere(t, session, otherAppid, 60012);
  await expectEverywhere(t, own, undefined, 0);
  await expectEverywhere(t, await logInTo(otherAppid), otherAppid, 0);

  const later = await logInTo(otherAppid);
  await succeed('session', 'revoke', '--everything');
  await stack.database.query('delete from cAppinfo where appid = ?', [otherAppid]);
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, 'f'.repeat(32)]);
  await succeed('cache', 'clear');
  await expectEverywhere(t, later, otherAppid, 60012);
  await expectEverywhere(t, await logInTo(otherAppid), otherAppid, 0);
});

test.serial('everything that is revoked includes sessions of an app that is away just then', async (t) => {
  const session = await logInTo(otherAppid);
  await stack.database.query('delete from cAppinfo where appid = ?', [otherAppid]);
  await succeed('session', 'revoke', '--everything');
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, 'f'.repeat(32)]);
  await succeed('cache', 'clear');
  await expectEverywhere(t, session, otherAppid, 60012);
});

test.serial('a removed app takes its sessions with it, for good', async (t) => {
  const session = await logInTo(otherAppid);
  await expectEverywhere(t, session, undefined, 0);
  const removed = await succeed('app', 'remove', otherAppid);
  t.regex(removed.stdout, /Its sessions have ended/);
  const [entry] = (await succeed('audit', '--json')).json.entries;
  t.like(entry, { action: 'app remove', target: otherAppid });
  t.true(Number(entry.details.sessionsRevokedBeforeUs) > 0);
  await expectEverywhere(t, session, undefined, 60012);
  const { json } = await succeed('session', 'show', '--id', session.id, '--json');
  t.like(json.sessions[0], { isValid: false, limitsOf: null, reasons: ['its app was removed'] });
  await setOther();
  await expectEverywhere(t, session, undefined, 60012);
  await expectEverywhere(t, await logInTo(otherAppid), otherAppid, 0);
});

test.serial('a session is back when the app that SQL took away is there again', async (t) => {
  const session = await logInTo(otherAppid);
  await stack.database.query('delete from cAppinfo where appid = ?', [otherAppid]);
  await succeed('cache', 'clear');
  await expectEverywhere(t, session, undefined, 60012);
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, 'f'.repeat(32)]);
  await succeed('cache', 'clear');
  await expectEverywhere(t, session, undefined, 0);
});

test.serial('revoked rows without an app stay so when another app becomes the default', async (t) => {
  const session = await logInTo(testAppid);
  await stack.database.query('update cSessionInfo set appid = null where uuid = ?', [session.id]);
  await succeed('cache', 'clear');
  await expectEverywhere(t, session, undefined, 0);
  await succeed('session', 'revoke', '--appid', otherAppid);
  await expectEverywhere(t, session, undefined, 0);
  await succeed('session', 'revoke', '--appid', testAppid);
  await expectEverywhere(t, session, undefined, 60012);
  await succeed('app', 'set', otherAppid, '--default');
  await expectEverywhere(t, session, undefined, 60012);
  const { json } = await succeed('session', 'show', '--id', session.id, '--json');
  t.like(json.sessions[0], { isValid: false, limitsOf: otherAppid });

  // Removing the app that they belong to ends them as well.
  const next = await logInTo(otherAppid);
  await stack.database.query('update cSessionInfo set appid = null where uuid = ?', [next.id]);
  await succeed('app', 'remove', testAppid);
  await expectEverywhere(t, next, undefined, 0);
  await succeed('app', 'remove', otherAppid);
  const set = await runCli(stack.env, ['app', 'set', testAppid], { stdin: `${testSecret}\n` });
  t.is(set.status, 0, set.stderr);
  await expectEverywhere(t, next, undefined, 60012);
  await expectEverywhere(t, await logInTo(testAppid), undefined, 0);
});

async function logInTo(appid: string): Promise<{ id: string; skey: string }> {
  const { returnCode, returnData } = await call(url, 'qcloud.cam.id_skey', { code: newUser(), appid });
  if (returnCode !== 0) throw new Error(`log-in answered ${returnCode}`);
  return returnData as { id: string; skey: string };
}

async function succeed(...args: string[]) {
  const run = await runCli(stack.env, args);
  if (run.status !== 0) throw new Error(run.stderr);
  return run;
}

async function setOther(): Promise<void> {
  const run = await runCli(stack.env, ['app', 'set', otherAppid], { stdin: `${'f'.repeat(32)}\n` });
  if (run.status !== 0) throw new Error(run.stderr);
}

/** In every front end, naming the app, or none, and by forward auth. */
async function expectEverywhere(
  t: ExecutionContext,
  { id, skey }: { id: string; skey: string },
  appid: string | undefined,
  code: 0 | 60012,
): Promise<void> {
  for (const web of stack.urls) {
    const named = appid === undefined ? {} : { appid };
    t.is((await call(web, 'qcloud.cam.auth', { id, skey, ...named })).returnCode, code);
    t.is((await call(web, 'qcloud.cam.auth', { id, skey })).returnCode, code);
    const forward = await fetch(`${web}/forward-auth`, { headers: { 'X-WX-Id': id, 'X-WX-Skey': skey } });
    t.is(forward.status, code === 0 ? 200 : 401);
  }
}
