import test from 'ava';

import { createSimulator, type SimulatorOptions } from '../../../apps/wechat-simulator/simulator.ts';

const goodQuery = { appid: 'wxapp', secret: 's', grant_type: 'authorization_code' };

async function startAsking(teardown: (close: () => Promise<void>) => void, options: SimulatorOptions = {}) {
  const simulator = await createSimulator(options);
  teardown(simulator.close);
  const ask = async (query: Record<string, string>) => {
    const response = await fetch(`${simulator.url}/sns/jscode2session?${new URLSearchParams(query).toString()}`);
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };
  const exchange = async (code: string, query: Record<string, string> = {}) =>
    JSON.parse((await ask({ ...goodQuery, ...query, js_code: code })).body) as Record<string, unknown>;
  return { simulator, ask, exchange };
}

test('a good code gives an openid and a session_key of WeChat’s shape, as text/plain', async (t) => {
  const { ask } = await startAsking(t.teardown);
  const { status, type, body } = await ask({ ...goodQuery, js_code: 'alice~1' });
  t.is(status, 200);
  t.is(type, 'text/plain');
  const answer = JSON.parse(body) as Record<string, string>;
  t.deepEqual(Object.keys(answer), ['session_key', 'openid']);
  t.regex(answer['openid'] ?? '', /^o[\w-]{27}$/);
  t.is(Buffer.from(answer['session_key'] ?? '', 'base64').length, 16);
});

test('two codes of one user give the same user, other users and other apps give others', async (t) => {
  const { exchange } = await startAsking(t.teardown);
  const first = await exchange('alice~1');
  t.deepEqual(await exchange('alice~2'), first);
  t.deepEqual(await exchange('alice'), first);
  for (const other of [await exchange('bob~1'), await exchange('alice~1', { appid: 'wxother' })]) {
    t.not(other['openid'], first['openid']);
    t.not(other['session_key'], first['session_key']);
  }
});

test('a code can be used once', async (t) => {
  const { exchange } = await startAsking(t.teardown);
  t.true('openid' in (await exchange('alice~1')));
  t.is((await exchange('alice~1'))['errcode'], 40163);
});

test('of many uses of one code at once, one succeeds', async (t) => {
  const { exchange } = await startAsking(t.teardown, { latencyMs: 5 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange('alice~1')));
  t.is(answers.filter((answer) => 'openid' in answer).length, 1);
});

for (const [code, errcode] of [
  ['bad', 40029],
  ['limit~1', 45011],
  ['blocked', 40226],
] as const) {
  test(`${code} is refused with ${errcode} each time`, async (t) => {
    const { exchange } = await startAsking(t.teardown);
    t.is((await exchange(code))['errcode'], errcode);
    t.is((await exchange(code))['errcode'], errcode);
  });
}

test('busy2 is answered with -1 twice for each code, then succeeds, then is used up', async (t) => {
  const { exchange } = await startAsking(t.teardown);
  for (const code of ['busy2alice~1', 'busy2alice~2']) {
    t.is((await exchange(code))['errcode'], -1);
    t.is((await exchange(code))['errcode'], -1);
    t.true('openid' in (await exchange(code)));
    t.is((await exchange(code))['errcode'], 40163);
  }
});

test('net, garbage and empty give HTTP 500, no JSON and {}', async (t) => {
  const { ask } = await startAsking(t.teardown);
  t.is((await ask({ ...goodQuery, js_code: 'net~1' })).status, 500);
  const garbage = await ask({ ...goodQuery, js_code: 'garbage~1' });
  t.throws(() => JSON.parse(garbage.body) as unknown);
  t.is((await ask({ ...goodQuery, js_code: 'empty~1' })).body, '{}');
});

test('expires and unionid add their field', async (t) => {
  const { exchange } = await startAsking(t.teardown);
  t.is((await exchange('expires~1'))['expires_in'], 7200);
  t.regex(String((await exchange('unionid~1'))['unionid']), /^u[\w-]{27}$/);
});

test('slow120 and LATENCY_MS delay the answer', async (t) => {
  const { exchange } = await startAsking(t.teardown, { latencyMs: 50 });
  const start = performance.now();
  t.true('openid' in (await exchange('slow120~1')));
  t.true(performance.now() - start >= 165);
});

test('only the listed apps with their secrets are known', async (t) => {
  const { exchange } = await startAsking(t.teardown, { apps: new Map([['wxapp', 'right']]) });
  t.is((await exchange('a~1', { secret: 'right', appid: 'wxother' }))['errcode'], 40013);
  t.is((await exchange('a~1', { secret: 'wrong' }))['errcode'], 40125);
  t.true('openid' in (await exchange('a~1', { secret: 'right' })));
});

test('a missing code, a missing appid and a wrong grant_type are refused', async (t) => {
  const { exchange } = await startAsking(t.teardown);
  t.is((await exchange(''))['errcode'], 41008);
  t.is((await exchange('a~1', { appid: '' }))['errcode'], 40013);
  t.is((await exchange('a~1', { grant_type: 'client_credential' }))['errcode'], 40002);
  t.true('openid' in (await exchange('a~1')), 'refused calls do not use the code up');
});
