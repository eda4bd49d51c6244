import { createHmac } from 'node:crypto';

import test from 'ava';

import { createSimulator, type Simulator, type SimulatorOptions } from '../../../apps/wechat-simulator/simulator.ts';
import { createUser } from '../../../apps/wechat-simulator/users.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of all shapes
type Answer = Record<string, any>;

async function start(t: { teardown: (fn: () => Promise<void>) => void }, options: SimulatorOptions = {}) {
  const simulator = await createSimulator(options);
  t.teardown(simulator.close);
  return simulator;
}

const get = async ({ url }: Simulator, path: string, query: Record<string, string> = {}): Promise<Answer> =>
  (await (await fetch(`${url}${path}?${new URLSearchParams(query).toString()}`)).json()) as Answer;
const post = async ({ url }: Simulator, path: string, body: object = {}): Promise<Answer> =>
  (await (await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })).json()) as Answer;
const credentials = { grant_type: 'client_credential', appid: 'wxa', secret: 's' };
const fetchToken = async (simulator: Simulator): Promise<string> =>
  (await post(simulator, '/cgi-bin/stable_token', credentials))['access_token'] as string;
const signed = (openid: string, sessionKey: string, token: string) => ({
  access_token: token,
  openid,
  signature: createHmac('sha256', sessionKey).update('').digest('hex'),
  sig_method: 'hmac_sha256',
});

test('stable_token gives everybody the same token, the next one shortly before its end', async (t) => {
  const simulator = await start(t, { apps: new Map([['wxa', 's']]), tokenLifeSeconds: 2 });
  const first = await post(simulator, '/cgi-bin/stable_token', credentials);
  t.is(first['expires_in'], 2);
  t.is(await fetchToken(simulator), first['access_token']);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = await fetchToken(simulator);
  t.not(second, first['access_token']);
  const check = (token: string) => get(simulator, '/wxa/checksession', { access_token: token });
  t.is((await check(first['access_token']))['errcode'], 40003, 'both work');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  t.is((await check(first['access_token']))['errcode'], 42001);
  t.is((await check(second))['errcode'], 40003);
  t.is((await check('x'))['errcode'], 40001);
  t.is((await check(''))['errcode'], 41001);
  for (const [body, errcode] of [
    [{ ...credentials, secret: 'x' }, 40125],
    [{ ...credentials, appid: 'wxb' }, 40013],
    [{ ...credentials, grant_type: 'x' }, 40002],
  ] as const)
    t.is((await post(simulator, '/cgi-bin/stable_token', body))['errcode'], errcode);
  t.is(simulator.stats().paths['/cgi-bin/stable_token'], 6);
});

test('a phone code gives the number of its user once', async (t) => {
  const simulator = await start(t);
  const token = await fetchToken(simulator);
  const ask = (code: string) => post(simulator, `/wxa/business/getuserphonenumber?access_token=${token}`, { code });
  const { code, encrypt_data, iv } = await get(simulator, '/_sim/phonecode', { code: 'alice~1', appid: 'wxa' });
  t.truthy(encrypt_data && iv);
  const answer = await ask(code as string);
  t.is(answer['errcode'], 0);
  t.regex(answer['phone_info'].phoneNumber, /^100\d{8}$/);
  t.is(answer['phone_info'].watermark.appid, 'wxa');
  t.is((await ask(code as string))['errcode'], 40029);
  t.is((await ask('alice~other'))['phone_info'].phoneNumber, answer['phone_info'].phoneNumber);
  t.is((await ask('busy1~x'))['errcode'], -1);
  t.is((await ask('busy1~x'))['errcode'], 0);
  t.is(simulator.stats().codes[code as string], 2);
});

test('a renewed session_key is the live one everywhere', async (t) => {
  const simulator = await start(t);
  const token = await fetchToken(simulator);
  const { openid, sessionKey } = createUser('wxa', 'alice');
  t.is((await get(simulator, '/wxa/checksession', signed(openid, sessionKey, token)))['errcode'], 0);
  const renewed = await get(simulator, '/wxa/resetusersessionkey', signed(openid, sessionKey, token));
  const key = renewed['session_key'] as string;
  t.is(renewed['openid'], openid);
  t.not(key, sessionKey);
  for (const path of ['/wxa/checksession', '/wxa/resetusersessionkey'])
    t.is((await get(simulator, path, signed(openid, sessionKey, token)))['errcode'], 87009);
  t.is((await get(simulator, '/wxa/checksession', signed(openid, key, token)))['errcode'], 0);
  const exchange = { appid: 'wxa', secret: 's', js_code: 'alice~2', grant_type: 'authorization_code' };
  t.is((await get(simulator, '/sns/jscode2session', exchange))['session_key'], key);
  const wrong = { ...signed(openid, key, token), sig_method: 'md5' };
  t.is((await get(simulator, '/wxa/checksession', wrong))['errcode'], 87007);
});

test('encryption keys come by POST without a body, or by GET as the document says', async (t) => {
  const path = '/wxa/business/getuserencryptkey';
  for (const method of ['POST', 'GET'] as const) {
    const simulator = await start(t, { encryptKeyMethod: method });
    const token = await fetchToken(simulator);
    const { openid, sessionKey } = createUser('wxa', 'alice');
    const ask = async (how: RequestInit, query: Record<string, string> = signed(openid, sessionKey, token)) =>
      (await (await fetch(`${simulator.url}${path}?${new URLSearchParams(query).toString()}`, how)).json()) as Answer;
    const { errcode, key_info_list: keys } = await ask({ method });
    t.is(errcode, 0);
    t.deepEqual(
      keys.map(({ version }: { version: number }) => version),
      [3, 2, 1],
    );
    t.deepEqual(Object.keys(keys[0]), ['encrypt_key', 'iv', 'version', 'expire_in', 'create_time']);
    for (const key of keys) t.is(Buffer.from(key.encrypt_key, 'base64').length, 16);
    const { openid: _, ...anonymous } = signed(openid, sessionKey, token);
    t.is((await ask({ method }, anonymous))['errcode'], 40003);
    t.is((await ask({ method }, signed(openid, 'stale', token)))['errcode'], 87009);
    t.is((await ask({ method }, {}))['errcode'], 41001);
    const other = method === 'POST' ? 'GET' : 'POST';
    t.is((await ask({ method: other }))['errcode'], method === 'POST' ? 43002 : 43001);
    if (method === 'POST') for (const body of ['{}', 'x']) t.is((await ask({ method, body }))['errcode'], 87009);
  }
});

test('each log-in of a user whose name begins with newkey gets another key', async (t) => {
  const simulator = await start(t);
  const keys = [];
  for (const code of ['newkeyada~1', 'newkeyada~2', 'ada~1', 'ada~2']) {
    const exchange = { appid: 'wxa', secret: 's', js_code: code, grant_type: 'authorization_code' };
    keys.push((await get(simulator, '/sns/jscode2session', exchange))['session_key']);
  }
  t.is(new Set(keys).size, 3);
  t.is(keys[2], keys[3]);
});

test('failures can be ordered, and tokens ended', async (t) => {
  const simulator = await start(t);
  const token = await fetchToken(simulator);
  t.deepEqual(await post(simulator, '/_sim/fail?path=/wxa/checksession&errcode=45009&times=2'), {});
  const check = () => get(simulator, '/wxa/checksession', { access_token: token });
  t.is((await check())['errcode'], 45009);
  t.is((await check())['errcode'], 45009);
  t.is((await check())['errcode'], 40003);
  t.is((await fetch(`${simulator.url}/_sim/fail?path=/x`, { method: 'POST' })).status, 400);
  await post(simulator, '/_sim/end-tokens');
  t.is((await check())['errcode'], 40001);
  t.not(await fetchToken(simulator), token);
});
