import { createDecipheriv } from 'node:crypto';

import test from 'ava';

import { BoundedMap } from '../../../apps/wechat-simulator/bounded-map.ts';
import { parseEnvironment } from '../../../apps/wechat-simulator/environment.ts';
import { createSimulator } from '../../../apps/wechat-simulator/simulator.ts';

async function getJson(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  return (await (await fetch(url, init)).json()) as Record<string, unknown>;
}

const exchangePath = (code: string) =>
  `/sns/jscode2session?appid=wxapp&secret=s&grant_type=authorization_code&js_code=${encodeURIComponent(code)}`;

function decrypt(keyBase64: unknown, ivBase64: unknown, data: unknown): Record<string, unknown> {
  const decipher = createDecipheriv(
    'aes-128-cbc',
    Buffer.from(String(keyBase64), 'base64'),
    Buffer.from(String(ivBase64), 'base64'),
  );
  return JSON.parse(decipher.update(String(data), 'base64', 'utf8') + decipher.final('utf8')) as Record<
    string,
    unknown
  >;
}

test('userdata decrypts with the session_key of the same user, in both schemes', async (t) => {
  const simulator = await createSimulator();
  t.teardown(simulator.close);
  const { session_key: key, openid } = await getJson(simulator.url + exchangePath('alice~1'));
  const data = await getJson(`${simulator.url}/_sim/userdata?code=alice~7&appid=wxapp`);
  t.deepEqual(Object.keys(data), ['encrypt_data', 'iv', 'legacy_encrypt_data', 'rawData', 'signature']);

  const { watermark, ...profile } = decrypt(key, data['iv'], data['encrypt_data']);
  t.is((watermark as { appid: string }).appid, 'wxapp');
  t.is(profile['openId'], openid);
  t.regex(String(profile['nickName']), /alice/);
  t.regex(String(profile['nickName']), /\p{Script=Han}/u);
  t.regex(String(profile['nickName']), /\p{Emoji_Presentation}/u);
  t.false('unionId' in profile);
  t.deepEqual(decrypt(key, key, data['legacy_encrypt_data']), profile);
});

test('userdata of a unionid user holds the unionid that WeChat tells', async (t) => {
  const simulator = await createSimulator();
  t.teardown(simulator.close);
  const { session_key: key, unionid } = await getJson(simulator.url + exchangePath('unionid~1'));
  const data = await getJson(`${simulator.url}/_sim/userdata?code=unionid~1&appid=wxapp`);
  t.is(decrypt(key, data['iv'], data['encrypt_data'])['unionId'], unionid);
});

test('userdata without a code is a 400, an unknown path a 404', async (t) => {
  const simulator = await createSimulator();
  t.teardown(simulator.close);
  t.is((await fetch(`${simulator.url}/_sim/userdata?appid=wxapp`)).status, 400);
  t.is((await fetch(`${simulator.url}/_sim/other`)).status, 404);
  t.is((await fetch(`${simulator.url}/cgi-bin/token`)).status, 404);
});

test('stats count calls per path and code until a reset, which makes used codes fresh', async (t) => {
  const simulator = await createSimulator();
  t.teardown(simulator.close);
  for (const code of ['alice~1', 'alice~1', '__proto__']) await getJson(simulator.url + exchangePath(code));
  const stats = await getJson(`${simulator.url}/_sim/stats`);
  t.deepEqual(stats['paths'], { '/sns/jscode2session': 3 });
  t.deepEqual(Object.entries(stats['codes'] as object), [
    ['alice~1', 2],
    ['__proto__', 1],
  ]);

  await getJson(`${simulator.url}/_sim/reset`, { method: 'POST' });
  t.deepEqual(simulator.stats(), { paths: {}, codes: {} });
  t.true('openid' in (await getJson(simulator.url + exchangePath('alice~1'))));
});

test('onRequest holds the answer of a call that already counts', async (t) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived = (_code: string) => {};
  const arrival = new Promise<string>((resolve) => {
    arrived = resolve;
  });
  const simulator = await createSimulator({
    onRequest: (_path, code) => {
      arrived(code);
      return held;
    },
  });
  t.teardown(simulator.close);
  const answer = getJson(simulator.url + exchangePath('alice~1'));
  t.is(await arrival, 'alice~1');
  t.deepEqual(simulator.stats().codes, { 'alice~1': 1 });
  release();
  t.true('openid' in (await answer));
});

test('a bounded map forgets its oldest key', (t) => {
  const map = new BoundedMap<number>(2);
  for (const [index, key] of ['a', 'b', 'b', 'c'].entries()) map.set(key, index);
  t.deepEqual(map.toObject(), { b: 2, c: 3 });
});

test('the environment gives defaults, apps and all faults at once', (t) => {
  t.deepEqual(parseEnvironment({ SIM_APPS: '' }), { port: 18080, host: '127.0.0.1', latencyMs: 0 });
  t.deepEqual(parseEnvironment({ SIM_APPS: 'wxa:1, wxb:2' }).apps, new Map(Object.entries({ wxa: '1', wxb: '2' })));
  const error = t.throws(() => parseEnvironment({ SIM_APPS: 'wxa', LATENCY_MS: '-1', WECHAT_SIMULATOR_PORT: 'x' }));
  for (const name of ['SIM_APPS', 'LATENCY_MS', 'WECHAT_SIMULATOR_PORT']) t.true(error.message.includes(name));
});
