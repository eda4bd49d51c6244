import test from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { runDoctor } from '../support/doctor.ts';
import { sessionInterfaces } from '../support/session-interfaces.ts';
import { noteSecret } from '../support/traces.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';
import { openRedis } from '../support/open-redis.ts';

const otherAppid = 'wxffffffffffffffff';
const otherSecret = 'f'.repeat(32);
const onClose = closeAfterAll(test);
const wechat = await startTestWechat({
  onClose,
  apps: new Map([
    [testAppid, testSecret],
    [otherAppid, otherSecret],
  ]),
});
const stack = await startStack({ onClose, webs: 2, env: { WECHAT_API_BASE: wechat.url }, prepare: async () => {} });
await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, otherSecret]);
await stack.database.query('update cAppinfo set is_default = 1 where appid = ?', [testAppid]);
const inLane = stack.urls;
const byNode = await stack.addWeb({ FAST_LANE: 'false' });
await untilReady(byNode);
const webs = [...inLane, byNode];
const [url] = webs as [string];
interface Session {
  readonly id: string;
  readonly skey: string;
}

const post = (address: string) => fetch(address, { method: 'POST', body: '{}' });

let count = 0;
async function addCaller(...options: string[]): Promise<{ name: string; key: string }> {
  const name = `caller${count++}`;
  const run = await runCli(stack.env, ['caller', 'add', name, '--json', ...options]);
  if (run.status !== 0) throw new Error(run.stderr);
  return { name, key: run.json.key as string };
}

async function ask(base: string, interfaceName: string, para: object, beside: object = {}) {
  const body = JSON.stringify({ interface: { interfaceName, para, ...beside } });
  const response = await fetch(`${base}/mina_auth/`, { method: 'POST', body });
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server sends
  const answer = (await response.json()) as { returnCode: number; returnMessage: string; returnData: any };
  noteSecret('skey', answer.returnCode === 0 ? answer.returnData.skey : undefined);
  return answer;
}

const codeOf = async (...call: Parameters<typeof ask>) => (await ask(...call)).returnCode;

async function logIn(base: string, para: object = {}): Promise<Session> {
  const { returnCode, returnData } = await ask(base, 'qcloud.cam.id_skey', { code: `${newUser()}~1`, ...para });
  if (returnCode !== 0) throw new Error(`log-in answered ${returnCode}`);
  return { id: returnData.id as string, skey: returnData.skey as string };
}

const appidOf = async ({ id }: Session) =>
  (await stack.database.query('select appid from cSessionInfo where uuid = ?', [id]))[0]?.['appid'];

const forward = (base: string, { id, skey }: Session, appid?: string) =>
  fetch(`${base}/forward-auth`, {
    headers: { 'X-WX-Id': id, 'X-WX-Skey': skey, ...(appid === undefined ? {} : { 'X-Wafer-Appid': appid }) },
  });

test.serial('through a bound key a log-in that names no app is one to the key’s app', async (t) => {
  const { key } = await addCaller('--app', otherAppid);
  for (const web of webs) {
    t.is(await appidOf(await logIn(web)), testAppid);
    t.is(await appidOf(await logIn(`${web}/k/${key}`)), otherAppid);
  }
});

test.serial('a session of another app is none for a bound key, in every interface', async (t) => {
  const { key } = await addCaller('--app', otherAppid, '--may', 'default,forget');
  const own = await logIn(url, { appid: otherAppid });
  const others = await logIn(url);
  for (const web of webs) {
    const bound = `${web}/k/${key}`;
    t.is(await codeOf(bound, 'qcloud.cam.auth', own), 0);
    // Twice: once remembered, it is no other one's either.
    for (const base of [web, bound, bound])
      t.is(await codeOf(base, 'qcloud.cam.auth', others), base === web ? 0 : 60012);
    t.is((await forward(bound, own)).status, 200);
    t.is((await forward(bound, own)).headers.get('x-wafer-appid'), otherAppid);
    t.is((await forward(bound, others)).status, 401);
    t.is((await forward(web, others)).status, 200);
  }
  const bound = `${url}/k/${key}`;
  for (const { name, example } of sessionInterfaces) {
    const refused = name === 'qcloud.cam.decrypt' ? 'GET_SESSION_KEY_FAIL' : 'AUTH_FAIL';
    t.is((await ask(bound, name, { ...example, ...others })).returnMessage, refused, name);
  }
  t.is(await codeOf(url, 'qcloud.cam.auth', others), 0, 'it is as it was');
  t.is(await codeOf(bound, 'qcloud.cam.logout', own), 0);
});

test.serial('another app’s session through a bound key costs what a wrong skey costs', async (t) => {
  const { key } = await addCaller('--app', otherAppid);
  const confirmed = async (web: string) =>
    Number(/^wafer_session_lookups_total\{result="confirmed"\} (\d+)$/m.exec(await readFreshMetrics(web))?.[1]);
  for (const web of webs) {
    const others = await logIn(url);
    t.is(await codeOf(web, 'qcloud.cam.auth', others), 0);
    for (const skey of [others.skey, 'wrong']) {
      const before = await confirmed(web);
      for (const _ of [1, 2]) t.is(await codeOf(`${web}/k/${key}`, 'qcloud.cam.auth', { ...others, skey }), 60012);
      t.is((await confirmed(web)) - before, 2, `${web} ${skey === others.skey ? 'right' : 'wrong'}`);
    }
    t.is(await codeOf(web, 'qcloud.cam.auth', others), 0, 'for its own app it is as it was');
  }
});

test.serial('a request through a bound key that names another app is 1012', async (t) => {
  const { key } = await addCaller('--app', otherAppid, '--may', 'default,forget');
  const own = await logIn(url, { appid: otherAppid });
  for (const web of webs) {
    const bound = `${web}/k/${key}`;
    const named = (appid: unknown) => codeOf(bound, 'qcloud.cam.auth', { ...own, appid });
    t.is(await named(otherAppid), 0);
    for (const appid of [testAppid, 'wxnope', '', otherAppid.toUpperCase(), 5, [otherAppid], false])
      t.is(await named(appid), 1012, JSON.stringify(appid));
    t.is(await codeOf(bound, 'qcloud.cam.auth', own, { appid: testAppid }), 1012);
    t.is(await codeOf(bound, 'qcloud.cam.auth', own, { appid: otherAppid }), 0);
    t.is(await codeOf(bound, 'qcloud.cam.id_skey', { code: newUser(), appid: testAppid }), 1012);
    for (const { name, example } of sessionInterfaces)
      t.is(await codeOf(bound, name, { ...example, ...own, appid: testAppid }), 1012, name);
    t.is((await forward(bound, own, otherAppid)).status, 200);
    const refused = await forward(bound, own, testAppid);
    t.is(refused.status, 401);
    t.is(refused.headers.get('x-wafer-reason'), 'unknown_app');
  }
});

test.serial('a row without an app is the default one for a bound key too', async (t) => {
  const ofDefault = await addCaller('--app', testAppid);
  const ofOther = await addCaller('--app', otherAppid);
  const old = await logIn(url);
  await stack.database.query('update cSessionInfo set appid = null where uuid = ?', [old.id]);
  await runCli(stack.env, ['cache', 'clear']);
  for (const web of webs) {
    t.is(await codeOf(`${web}/k/${ofDefault.key}`, 'qcloud.cam.auth', old), 0);
    t.is(await codeOf(`${web}/k/${ofOther.key}`, 'qcloud.cam.auth', old), 60012);
  }
});

test.serial('a key that is bound anew counts at once in every front end', async (t) => {
  const { name, key } = await addCaller();
  const session = await logIn(url);
  const codes = () => Promise.all(webs.map((web) => codeOf(`${web}/k/${key}`, 'qcloud.cam.auth', session)));
  t.deepEqual(await codes(), [0, 0, 0]);
  for (const [option, code] of [
    [['--app', otherAppid], 60012],
    [['--app', testAppid], 0],
    [['--app', otherAppid], 60012],
    [['--any-app'], 0],
  ] as const) {
    const run = await runCli(stack.env, ['caller', 'bind', name, ...option, '--json']);
    t.deepEqual(run.json.forgotten.silent, []);
    t.deepEqual(await codes(), [code, code, code], option.join(' '));
  }
  await runCli(stack.env, ['caller', 'revoke', name]);
  const statuses = webs.map(async (web) => (await post(`${web}/k/${key}/mina_auth/`)).status);
  t.deepEqual(await Promise.all(statuses), [401, 401, 401]);
});

test.serial('caller commands show and check the app, and the audit log has it', async (t) => {
  const { name } = await addCaller('--app', otherAppid);
  const listed = (await runCli(stack.env, ['caller', 'list', '--json'])).json.callers as { name: string }[];
  const entry = listed.find((caller) => caller.name === name) as { appid?: string; createdAt?: string } | undefined;
  t.is(entry?.appid, otherAppid);
  // In UTC+8, whatever the zone of the server.
  const age = Date.now() - Date.parse(`${entry?.createdAt?.replace(' ', 'T')}+08:00`);
  t.true(age > -60_000 && age < 600_000, `${age} ms old`);
  t.regex((await runCli(stack.env, ['caller', 'list'])).stdout, new RegExp(`${name} +${otherAppid} `));
  const misspelt = await runCli(stack.env, ['caller', 'add', 'nobody', '--app', otherAppid.toUpperCase(), '--json']);
  t.is(misspelt.json.error.code, 'app_unknown');
  t.is(
    (await runCli(stack.env, ['caller', 'bind', 'nobody', '--any-app', '--json'])).json.error.code,
    'caller_unknown',
  );
  t.is((await runCli(stack.env, ['caller', 'bind', name])).status, 2);
  t.is((await runCli(stack.env, ['caller', 'bind', name, '--any-app', '--app', testAppid])).status, 2);
  await runCli(stack.env, ['caller', 'bind', name, '--app', testAppid]);
  const audit = (await runCli(stack.env, ['audit', '--json'])).json.entries as { action: string; details: object }[];
  t.deepEqual(audit[0]?.details, { appid: testAppid, before: otherAppid });
  t.is(audit[0]?.action, 'caller bind');
});

test.serial('a front end that forgets while MySQL is away knows which app a key is bound to', async (t) => {
  const { key } = await addCaller('--app', otherAppid);
  const own = await logIn(url, { appid: otherAppid });
  const others = await logIn(url);
  for (const session of [own, others]) t.is(await codeOf(url, 'qcloud.cam.auth', session), 0);
  t.is(await codeOf(`${url}/k/${key}`, 'qcloud.cam.auth', own), 0);
  stack.database.cut();
  t.teardown(async () => stack.database.restore());
  const redis = openRedis(`redis://127.0.0.1:${stack.config.redis.queue.nodes[0].port}`);
  t.teardown(async () => redis.disconnect());
  await redis.publish('wafer:control', JSON.stringify({ kind: 'forget-cached', id: 'aaaaaaaaaaaaaaaa' }));
  t.is(await codeOf(`${url}/k/${key}`, 'qcloud.cam.auth', own), 0);
  // MySQL alone refuses, and the skey of another app's session is as good as a wrong one.
  for (const skey of [others.skey, 'wrong'])
    t.is(await codeOf(`${url}/k/${key}`, 'qcloud.cam.auth', { ...others, skey }), 1001);
  t.is(await codeOf(`${url}/k/${key}`, 'qcloud.cam.auth', { ...own, appid: testAppid }), 1012);
});

test.serial('the doctor warns while several apps share a way in', async (t) => {
  for (const { name } of (await runCli(stack.env, ['caller', 'list', '--json'])).json.callers as { name: string }[])
    await runCli(stack.env, ['caller', 'revoke', name]);
  const bound = await addCaller('--app', otherAppid);
  const causesOf = async (env: Record<string, string> = {}) =>
    (await runDoctor({ ...stack.env, ...env })).findings
      .filter(({ check }) => check === 'callers.apps')
      .map(({ state, cause }) => [state, cause]);
  const strict = { REQUIRE_CALLER_KEY: 'true' };
  t.deepEqual(await causesOf(), [['warning', 'apps_share_callers']]);
  t.deepEqual(await causesOf(strict), [['ok', undefined]]);
  const unbound = await addCaller();
  t.deepEqual(await causesOf(strict), [['warning', 'apps_share_callers']]);
  await runCli(stack.env, ['caller', 'revoke', unbound.name]);
  await runCli(stack.env, ['app', 'remove', otherAppid]);
  t.deepEqual(await causesOf(), [['warning', 'caller_app_unknown']]);
  t.is(await codeOf(`${url}/k/${bound.key}`, 'qcloud.cam.id_skey', { code: newUser() }), 1012);
});
