import test from 'ava';
import { auth, call, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { runDoctor } from '../../support/doctor.ts';
import { startProcess } from '../../support/processes.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { noteSecret } from '../../support/traces.ts';
import { until } from '../../support/until.ts';
import { runCli } from './run-cli.ts';

// Behind the test app by primary key, and before it.
const last = 'wxffffffffffffffff';
const first = 'wx0000000000000000';
const secret = 'f'.repeat(32);
noteSecret('app secret', secret);
const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
test.beforeEach(async () => {
  await stack.database.query('delete from cAppinfo');
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [testAppid, testSecret]);
  await runCli(stack.env, ['cache', 'clear']);
});

const set = (appid: string, ...options: string[]) =>
  runCli(stack.env, ['app', 'set', appid, '--json', ...options], { stdin: secret });
const marks = async () =>
  Object.fromEntries(
    (await stack.database.query('select appid, is_default from cAppinfo')).map((row) => [
      row['appid'],
      row['is_default'],
    ]),
  );
const defaultApp = async () =>
  (await runCli(stack.env, ['app', 'list', '--json'])).json.apps.find((app: { isDefault: boolean }) => app.isDefault)
    ?.appid as string;
const appsFinding = async () => (await runDoctor(stack.env)).findings.find(({ check }) => check === 'apps');

test.serial('a second app takes neither log-ins nor old rows from the first', async (t) => {
  const old = (await call(url, 'qcloud.cam.id_skey', { code: newUser() })).returnData;
  await stack.database.query('update cSessionInfo set appid = null where uuid = ?', [old.id]);
  const { status, json } = await set(last);
  t.is(status, 0);
  t.deepEqual(await marks(), { [testAppid]: 1, [last]: 0 });
  t.like(json, { isDefault: false, defaultBefore: testAppid, defaultNow: testAppid });
  t.regex(json.warnings.join(), new RegExp(`${testAppid}.*not for ${last}.*--default`));
  t.regex(json.changes.join(), new RegExp(`Marked ${testAppid}`));
  const fresh = (await call(url, 'qcloud.cam.id_skey', { code: newUser() })).returnData;
  for (const session of [old, fresh]) {
    t.is((await call(url, 'qcloud.cam.auth', { ...session, appid: testAppid })).returnCode, 0);
    t.is((await call(url, 'qcloud.cam.auth', { ...session, appid: last })).returnCode, 60012);
    t.is((await auth(url, session)).returnCode, 0);
  }
});

test.serial('--default makes the second app the default, and tells what moved', async (t) => {
  const { json } = await set(last, '--default');
  t.deepEqual(await marks(), { [testAppid]: 0, [last]: 1 });
  t.like(json, { isDefault: true, defaultBefore: testAppid, defaultNow: last, warnings: [] });
  t.regex(json.changes.join(), new RegExp(`are for ${last} now; before, they were for ${testAppid}`));
  const audit = (await runCli(stack.env, ['audit', '--json'])).json.entries[0] as { details: object };
  t.like(audit.details, { defaultBefore: testAppid, defaultNow: last });
  const asText = await runCli(stack.env, ['app', 'set', testAppid, '--default']);
  t.regex(asText.stdout, new RegExp(`are for ${testAppid} now; before, they were for ${last}`));
  t.deepEqual(await marks(), { [testAppid]: 1, [last]: 0 });
});

test.serial('with --not-default nothing is asked, and the default app itself is not left out', async (t) => {
  const { json } = await set(first, '--not-default');
  t.deepEqual(json.warnings, []);
  t.deepEqual(await marks(), { [testAppid]: 1, [first]: 0 });
  t.is((await set(testAppid, '--not-default')).json.error.code, 'default_needed');
  t.is((await set(first, '--not-default', '--default')).status, 2);
  t.deepEqual(await marks(), { [testAppid]: 1, [first]: 0 });
});

test.serial('a third app, and changes of any, leave the default app as it is', async (t) => {
  await set(last);
  await set(first);
  for (const appid of [first, last, testAppid]) await set(appid, '--grace', '1');
  t.deepEqual(await marks(), { [testAppid]: 1, [first]: 0, [last]: 0 });
  await stack.database.query('update cAppinfo set is_default = 0');
  await set('wx5555555555555555');
  t.is(await defaultApp(), last, 'the last of three without a mark was it');
});

test.serial('the default app is not removed while several others might take its place', async (t) => {
  await set(last);
  await set(first);
  const refused = await runCli(stack.env, ['app', 'remove', testAppid, '--json']);
  t.is(refused.json.error.code, 'default_needed');
  t.is(Object.keys(await marks()).length, 3);
  t.is((await runCli(stack.env, ['app', 'remove', first])).status, 0);
  const removed = await runCli(stack.env, ['app', 'remove', testAppid, '--json']);
  t.is(removed.status, 0);
  t.regex(removed.json.warnings.join(), new RegExp(`are for ${last} now`));
});

test.serial('two apps that are added at once leave one default app, marked', async (t) => {
  const runs = await Promise.all([set(last), set(first)]);
  t.deepEqual(
    runs.map(({ status }) => status),
    [0, 0],
  );
  t.deepEqual(await marks(), { [testAppid]: 1, [first]: 0, [last]: 0 });
});

test.serial('an app that SQL inserts counts as in the original, and the doctor says so', async (t) => {
  const child = startProcess('web', { ...stack.env, HOST: '127.0.0.1' }, async (close) => {
    t.teardown(close);
  });
  await child.logged('web listens');
  const line = child.log.find((each) => each.includes('web listens')) as string;
  const own = `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`;
  const chosen = async (base: string) => {
    const { returnCode } = await call(base, 'qcloud.cam.auth', { id: 'x', skey: 'x' });
    return returnCode;
  };
  await until('it serves', async () => (await chosen(own)) === 60012);
  t.is((await appsFinding())?.state, 'ok');
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [last, secret]);
  t.is(await defaultApp(), last);
  t.like(await appsFinding(), {
    state: 'warning',
    cause: 'default_unclear',
    remedy: `npx wafer app set ${last} --default`,
  });
  await until('the log says so', async () => {
    await chosen(own);
    return child.log.some((each) => each.includes(`"before":"${testAppid}","now":"${last}"`));
  });
  await stack.database.query('update cAppinfo set is_default = 1');
  t.like(await appsFinding(), { state: 'warning', cause: 'default_unclear' });
  await runCli(stack.env, ['app', 'set', testAppid, '--default']);
  t.is((await appsFinding())?.state, 'ok');
  // Behind a mark, plain SQL moves nothing.
  await stack.database.query("insert into cAppinfo set appid = 'wxzzzzzzzzzzzzzzzz', secret = ?", [secret]);
  t.is(await defaultApp(), testAppid);
});

test.serial('beside npm start a real app leaves the demo app its log-ins', async (t) => {
  const env = { ...stack.env, WAFER_DEMO_APP: testAppid };
  const { json } = await runCli(env, ['app', 'set', last, '--json'], { stdin: secret });
  t.is(json.warnings.length, 1);
  t.regex(json.warnings[0], new RegExp(`run it again.*real WeChat.*app remove ${last}, and run npm start again`));
  t.is((await call(url, 'qcloud.cam.id_skey', { code: newUser() })).returnCode, 0);
});
