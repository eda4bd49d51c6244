import test, { type ExecutionContext } from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { call, login, newUser } from '../support/client.ts';
import { closeAfterAll, type OnClose } from '../support/closing.ts';
import { openRedis } from '../support/open-redis.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, testAppid, testSecret, untilReady, type TestStack } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';

const other = 'wxffffffffffffffff';
const onClose = closeAfterAll(test);
const secrets = new Map([
  [testAppid, testSecret],
  [other, 'other secret'],
]);
const wechat = await startTestWechat({ onClose, apps: secrets });

/** A whole installation with processes of its own, whose WeChat is the one of all tests here. */
async function startSite(more: Record<string, string> = {}, close: OnClose = onClose) {
  const stack = await startStack({
    onClose: close,
    webs: 0,
    workers: 0,
    env: { WECHAT_API_BASE: wechat.url, PORT: String(await findFreePort()), ...more },
  });
  const url = `http://127.0.0.1:${stack.env['PORT']}`;
  const start = (env: Record<string, string> = {}) => startProcess('worker', { ...stack.env, ...env }, close);
  const worker = start();
  startProcess('web', stack.env, close);
  await worker.logged('worker takes jobs');
  await until('web listens', () => fetch(`${url}/livez`).then(Boolean, () => false));
  await untilReady(url);
  return { stack, url, worker };
}

let count = 0;
async function addCaller({ env }: TestStack, ...options: string[]) {
  const name = `company${count++}`;
  const run = await runCli(env, ['caller', 'add', name, '--json', ...options]);
  if (run.status !== 0) throw new Error(run.stderr);
  return { name, key: run.json.key as string };
}

const site = await startSite();
const fetches = () => wechat.stats().paths['/cgi-bin/stable_token'] ?? 0;
const phone = async (url: string) => {
  const session = (await login(url, newUser())).returnData as object;
  return call(url, 'qcloud.cam.phone', { ...session, code: `p~${newUser()}` });
};

async function get(base: string, query = `?appid=${testAppid}`, init: RequestInit = {}) {
  const response = await fetch(`${base}/token${query}`, init);
  const body = (await response.json()) as Record<string, unknown>;
  noteSecret('access token', body['access_token']);
  return { status: response.status, reason: response.headers.get('x-wafer-reason'), headers: response.headers, body };
}

test.serial('a caller with the permission gets the token, however often with one fetch', async (t) => {
  const { key, name } = await addCaller(site.stack, '--may', 'token');
  const before = fetches();
  const [first, second] = [await get(`${site.url}/k/${key}`), await get(`${site.url}/k/${key}`)];
  t.is(first.status, 200);
  t.is(first.headers.get('cache-control'), 'no-store');
  t.deepEqual(Object.keys(first.body), ['access_token', 'expires_in']);
  t.is(first.body['access_token'], second.body['access_token']);
  t.is(fetches(), before + 1);
  const life = Number(second.body['expires_in']);
  t.true(Number.isInteger(life) && life <= 7198 && life > 7000, String(life));
  const findLines = () => site.worker.log.filter((line) => line.includes('access token handed out'));
  const toCaller = (line: string) => line.includes(`"caller":"${name}","appid":"${testAppid}"`);
  await until('both are in the log', () => findLines().filter(toCaller).length === 2);
  const lines = findLines();
  t.false(site.worker.log.some((line) => line.includes(String(first.body['access_token']))));
  // What the log names it by is what an operator sees.
  const shown = await runCli(site.stack.env, ['token', 'show', '--json']);
  const fingerprint = shown.json.tokens[0].fingerprint as string;
  t.true(lines.every((line) => line.includes(`"fingerprint":"${fingerprint}"`)));
});

test.serial('nobody else gets one: without a key, without the permission, for another app', async (t) => {
  const table: readonly [options: string[] | undefined, query: string, status: number, reason: string][] = [
    [undefined, `?appid=${testAppid}`, 401, 'caller_key_missing'],
    [[], `?appid=${testAppid}`, 403, 'caller_not_permitted'],
    [['--may', 'default'], `?appid=${testAppid}`, 403, 'caller_not_permitted'],
    [['--may', 'token'], '?appid=wxnope', 404, 'unknown_app'],
    [['--may', 'token'], `?appid=${testAppid}&appid=${testAppid}`, 404, 'unknown_app'],
    [['--may', 'token', '--app', testAppid], `?appid=${other}`, 404, 'unknown_app'],
    [['--may', 'token', '--app', testAppid, '--app', other], '', 400, 'app_not_named'],
  ];
  await site.stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [other, 'other secret']);
  await runCli(site.stack.env, ['app', 'set', testAppid, '--default']);
  for (const [options, query, status, reason] of table) {
    const base = options === undefined ? site.url : `${site.url}/k/${(await addCaller(site.stack, ...options)).key}`;
    const answer = await get(base, query);
    t.deepEqual(
      [answer.status, answer.reason, answer.body],
      [status, reason, { error: reason }],
      `${options?.join(' ')} ${query}`,
    );
  }
  const unknown = await get(`${site.url}/k/${'A'.repeat(32)}`);
  t.is(unknown.reason, 'caller_key_unknown');
  const { key } = await addCaller(site.stack, '--may', 'token', '--app', other);
  const own = await get(`${site.url}/k/${key}`, '');
  t.is(own.status, 200, 'a key with one app need not name it');
  t.is((await fetch(`${site.url}/k/${key}/token`, { method: 'POST' })).status, 405);
  t.is((await fetch(`${site.url}/k/${key}/token/`)).status, 404);
});

test.serial('what WeChat refuses is passed on as its errcode, and no token is made of it', async (t) => {
  const { key } = await addCaller(site.stack, '--may', 'token', '--app', other);
  await site.stack.database.query('update cAppinfo set secret = ? where appid = ?', ['wrong', other]);
  await runCli(site.stack.env, ['cache', 'clear']);
  const redis = openRedis(site.stack.redis?.url ?? '');
  await redis.del(`wafer:token:${other}`);
  redis.disconnect();
  const answer = await get(`${site.url}/k/${key}`, '');
  t.deepEqual([answer.status, answer.reason], [200, 'wechat:40125']);
  t.deepEqual(answer.body, { errcode: 40125, errmsg: 'refused by WeChat' });
});

test.serial('a caller gets a hundred hand-outs in ten seconds, and another its own', async (t) => {
  const [busy, calm] = [await addCaller(site.stack, '--may', 'token'), await addCaller(site.stack, '--may', 'token')];
  const answers = await Promise.all(Array.from({ length: 120 }, () => get(`${site.url}/k/${busy.key}`)));
  t.is(answers.filter(({ status }) => status === 200).length, 100);
  const limited = answers.filter(({ status }) => status === 429);
  t.is(limited.length, 20);
  t.deepEqual([limited[0]?.reason, limited[0]?.headers.get('retry-after')], ['limited', '10']);
  t.is((await get(`${site.url}/k/${calm.key}`)).status, 200);
});

test.serial('one installation feeds another by WECHAT_TOKEN_URL', async (t) => {
  const { key } = await addCaller(site.stack, '--may', 'token', '--app', testAppid);
  const fed = await startSite({ WECHAT_TOKEN_URL: `${site.url}/k/${key}/token` }, t.teardown.bind(t));
  const before = fetches();
  t.is((await phone(fed.url)).returnCode, 0);
  t.is((await phone(site.url)).returnCode, 0);
  t.is(fetches(), before, 'the token was there');
  // The one that hands tokens out makes no call with them now: it has to hear from the other that they are dead.
  wechat.endTokens();
  t.is((await phone(fed.url)).returnCode, 0);
  t.is(fetches(), before + 1);
  t.is((await phone(site.url)).returnCode, 0);
  t.is(fetches(), before + 1, 'both have the new one');
});

test.serial('a token service that leads back to this server is refused at once', async (t) => {
  const own = await startSite({}, t.teardown.bind(t));
  const { key } = await addCaller(own.stack, '--may', 'token');
  await loop(t, own, { WECHAT_TOKEN_URL: `${own.url}/k/${key}/token` }, own.stack);
});

test.serial('so is one that leads back over another installation', async (t) => {
  const close = t.teardown.bind(t);
  const own = await startSite({}, close);
  const toOwn = await addCaller(own.stack, '--may', 'token');
  const between = await startSite({ WECHAT_TOKEN_URL: `${own.url}/k/${toOwn.key}/token` }, close);
  const toBetween = await addCaller(between.stack, '--may', 'token');
  await loop(t, own, { WECHAT_TOKEN_URL: `${between.url}/k/${toBetween.key}/token` }, own.stack);
});

async function loop(
  t: ExecutionContext,
  own: Awaited<ReturnType<typeof startSite>>,
  env: Record<string, string>,
  stack: TestStack,
): Promise<void> {
  own.worker.kill('SIGTERM');
  await own.worker.exited;
  const worker = startProcess('worker', { ...stack.env, ...env }, t.teardown.bind(t));
  await worker.logged('worker takes jobs');
  const before = fetches();
  const answer = await phone(own.url);
  t.is(answer.returnCode, 1005);
  t.regex(String(answer.reason), /^wechat_http_50[38]$/);
  await worker.logged('the token service leads back to this server');
  t.is(fetches(), before);
}

test.serial('wafer token renews the token of all processes, by force if it has to', async (t) => {
  const env = site.stack.env;
  t.is((await phone(site.url)).returnCode, 0);
  const [shown] = (await runCli(env, ['token', 'show', testAppid, '--json'])).json.tokens as Record<string, unknown>[];
  t.like(shown, { appid: testAppid, state: 'held' });
  const before = fetches();
  const plain = await runCli(env, ['token', 'renew', testAppid, '--json']);
  t.is(plain.json.fingerprint, shown?.['fingerprint'], 'WeChat answers the same until shortly before its end');
  const forced = await runCli(env, ['token', 'renew', testAppid, '--force', '--by', 'alice', '--json']);
  t.not(forced.json.fingerprint, shown?.['fingerprint']);
  t.is(forced.json.forcedToday, 1);
  t.is(fetches(), before + 2);
  t.is((await phone(site.url)).returnCode, 0);
  t.is(fetches(), before + 2, 'the worker has taken it over');
  const soon = await runCli(env, ['token', 'renew', testAppid, '--force', '--json']);
  t.is(soon.json.error.code, 'too_soon');
  const [entry] = (await runCli(env, ['audit', '--json'])).json.entries as { action: string; details: object }[];
  t.is(entry?.action, 'token renew');
  t.like(entry?.details, { isForced: true, fingerprint: forced.json.fingerprint });
  t.is((await runCli(env, ['token', 'renew', 'wxnope', '--json'])).json.error.code, 'app_unknown');
  const service = { ...env, WECHAT_TOKEN_URL: 'http://127.0.0.1:1/' };
  t.is((await runCli(service, ['token', 'renew', testAppid, '--force', '--json'])).json.error.code, 'token_service');
});
