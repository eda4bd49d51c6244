import test from 'ava';
import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { permissionOf } from '../../shared/callers/permissions.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';

const [second, third] = ['wxeeeeeeeeeeeeeeee', 'wxffffffffffffffff'] as const;
const onClose = closeAfterAll(test);
const secrets = [testAppid, second, third].map((appid) => [appid, testSecret] as const);
const wechat = await startTestWechat({ onClose, apps: new Map(secrets) });
const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
for (const appid of [second, third])
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [appid, testSecret]);
await stack.database.query('update cAppinfo set is_default = 1 where appid = ?', [testAppid]);
const [url] = stack.urls;
const byNode = await stack.addWeb({ FAST_LANE: 'false' });
await untilReady(byNode);
const ways = [
  { how: 'in the lane', base: url },
  { how: 'by Koa', base: byNode },
];

let count = 0;
async function addCaller(...options: string[]): Promise<{ name: string; key: string }> {
  const name = `permitted${count++}`;
  const run = await runCli(stack.env, ['caller', 'add', name, '--json', ...options]);
  if (run.status !== 0) throw new Error(run.stderr);
  return { name, key: run.json.key as string };
}

const logIn = async (base = url, para: object = {}) => {
  const { returnCode, returnData } = await call(base, 'qcloud.cam.id_skey', { code: `${newUser()}~1`, ...para });
  if (returnCode !== 0) throw new Error(`log-in answered ${returnCode}`);
  return returnData as { id: string; skey: string };
};

/** What each interface answers to these parameters when it may be called; `logout` and `forget` last, since they end the session. */
const codes: Readonly<Record<string, number>> = {
  auth: 0,
  id_skey: 40029,
  decrypt: 60021,
  userinfo: 60021,
  phone: 40029,
  checksession: 0,
  resetkey: 0,
  encryptkey: 0,
  sign: 1014,
  initdata: 1003,
  logout: 0,
  forget: 0,
};
const names = Object.keys(codes);
const usual = names.filter((name) => name !== 'forget');

let refusedSoFar = 0;
async function tryAll(base: string) {
  const session = await logIn();
  const results: Record<string, unknown> = {};
  for (const name of Object.keys(codes)) {
    const para = { ...session, code: 'bad~1', encrypt_data: 'x', iv: 'y', data: 'z' };
    const body = JSON.stringify({ interface: { interfaceName: `qcloud.cam.${name}`, para } });
    const response = await fetch(`${base}/mina_auth/`, { method: 'POST', body });
    const answer = (await response.json()) as { returnCode?: number; error?: string };
    results[name] = answer.returnCode ?? `${response.status} ${answer.error} ${response.headers.get('x-wafer-reason')}`;
  }
  const other = await logIn();
  const headers = { 'X-WX-Id': other.id, 'X-WX-Skey': other.skey };
  results['forward-auth'] = (await fetch(`${base}/forward-auth`, { headers })).status;
  refusedSoFar += Object.values(results).filter((result) => String(result).startsWith('403')).length;
  return results;
}

const refused = '403 caller_not_permitted caller_not_permitted';
const table: readonly (readonly [may: string | undefined, names: readonly string[]])[] = [
  [undefined, usual],
  ['default', usual],
  ['auth', ['auth']],
  ['auth,decrypt', ['auth', 'decrypt']],
  ['id_skey,logout', ['id_skey', 'logout']],
  ['phone', ['phone']],
  ['userinfo,checksession,resetkey,initdata', ['userinfo', 'checksession', 'resetkey', 'initdata']],
  ['default,token', usual],
  ['forget', ['forget']],
  ['token', []],
];

test.serial('there is a permission for each interface, and for what is none', (t) => {
  t.deepEqual(names.toSorted(), [...interfaceSchemas.keys()].map(permissionOf).toSorted());
});

test.serial('each caller gets the interfaces that its --may names, all else is 403', async (t) => {
  for (const [may, permitted] of table) {
    const { key } = await addCaller(...(may === undefined ? [] : ['--may', may]));
    const expected = {
      ...Object.fromEntries(names.map((name) => [name, permitted.includes(name) ? codes[name] : refused])),
      'forward-auth': permitted.includes('auth') ? 200 : 403,
    };
    for (const { how, base } of ways) t.deepEqual(await tryAll(`${base}/k/${key}`), expected, `${may} ${how}`);
  }
});

test.serial('through a key with several apps one of them has to be named', async (t) => {
  const { key, name } = await addCaller('--app', testAppid, '--app', second);
  const own = await logIn(url, { appid: second });
  for (const { how, base: web } of ways) {
    const base = `${web}/k/${key}`;
    const reasonOf = async (para: object) => {
      const { returnCode, reason } = await call(base, 'qcloud.cam.auth', { ...own, ...para });
      return `${returnCode} ${reason}`;
    };
    t.is(await reasonOf({ appid: second }), '0 null', how);
    t.is(await reasonOf({ appid: testAppid }), '60012 null', how);
    t.is(await reasonOf({ appid: third }), '1012 null', how);
    t.is(await reasonOf({}), '1012 app_not_named', how);
    t.is((await call(base, 'qcloud.cam.id_skey', { code: newUser() })).reason, 'app_not_named', how);
    const forward = (appid?: string) => {
      const headers = { 'X-WX-Id': own.id, 'X-WX-Skey': own.skey, ...(appid && { 'X-Wafer-Appid': appid }) };
      return fetch(`${base}/forward-auth`, { headers });
    };
    t.is((await forward(second)).status, 200, how);
    t.is((await forward(third)).status, 401, how);
    const unnamed = await forward();
    t.is(unnamed.status, 403, how);
    t.is(unnamed.headers.get('x-wafer-reason'), 'app_not_named', how);
  }
  const one = await runCli(stack.env, ['caller', 'bind', name, '--app', second, '--json']);
  t.deepEqual(one.json.appids, [second]);
  for (const { base } of ways) t.is((await call(`${base}/k/${key}`, 'qcloud.cam.auth', own)).returnCode, 0);
});

test.serial('what a caller may do changes at once, is listed and is in the audit log', async (t) => {
  const { name, key } = await addCaller('--app', testAppid, '--app', third, '--may', 'auth');
  const list = async () =>
    ((await runCli(stack.env, ['caller', 'list', '--json'])).json.callers as { name: string }[]).find(
      (caller) => caller.name === name,
    ) as unknown as { appids: string[] | null; may: string[] | null };
  t.deepEqual((await list()).appids, [testAppid, third]);
  t.deepEqual((await list()).may, ['auth']);
  t.regex((await runCli(stack.env, ['caller', 'list'])).stdout, new RegExp(`${name} +${testAppid}, ${third} +auth `));
  const run = await runCli(stack.env, ['caller', 'bind', name, '--may', 'logout,auth', '--json']);
  t.deepEqual(run.json.appids, [testAppid, third], 'they stay');
  t.deepEqual((await list()).may, ['auth', 'logout']);
  const session = { ...(await logIn(url, { appid: third })), appid: third };
  for (const { base } of ways) {
    t.is((await call(`${base}/k/${key}`, 'qcloud.cam.auth', session)).returnCode, 0);
    t.is((await call(`${base}/k/${key}`, 'qcloud.cam.logout', { ...session, skey: 'wrong' })).returnCode, 60012);
  }
  const entries = (await runCli(stack.env, ['audit', '--json'])).json.entries as { action: string; details: object }[];
  t.is(entries[0]?.action, 'caller bind');
  t.like(entries[0]?.details, { may: ['auth', 'logout'], mayBefore: ['auth'], appids: [testAppid, third] });
  await runCli(stack.env, ['caller', 'bind', name, '--may', 'default', '--any-app']);
  t.deepEqual([(await list()).may, (await list()).appids], [['default'], null]);
});

test.serial('names of no interface and of no app, and none at all, are refused', async (t) => {
  for (const may of ['atuh', '', 'auth,,decrypt', 'qcloud.cam.auth']) {
    const run = await runCli(stack.env, ['caller', 'add', 'nobody', '--may', may, '--json']);
    t.is(run.status, 2, may);
  }
  const run = await runCli(stack.env, ['caller', 'add', 'nobody', '--app', testAppid, '--app', 'wxnope', '--json']);
  t.is(run.json.error.code, 'app_unknown');
  const refusals = async () =>
    Number(
      /^wafer_refused_requests_total\{reason="caller_not_permitted"\} (\d+)$/m.exec(await readFreshMetrics(url))?.[1],
    );
  t.is(refusedSoFar, 2 * 81);
  await until('all refusals are counted', async () => (await refusals()) === refusedSoFar);
});

test.serial('a version that knows one app for each caller finds the first of several', async (t) => {
  const { name } = await addCaller('--app', second, '--app', testAppid);
  const rows = await stack.database.query('select appid from cWaferCaller where name = ?', [name]);
  t.deepEqual(rows, [{ appid: second }]);
  // Such a version binds it to another app: the others it does not know of must not come back.
  await stack.database.query('update cWaferCaller set appid = ? where name = ?', [third, name]);
  const callers = (await runCli(stack.env, ['caller', 'list', '--json'])).json.callers as Record<string, unknown>[];
  t.deepEqual(callers.find((caller) => caller['name'] === name)?.['appids'], [third]);
});
