import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';

import { rootDir } from '../support/built.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { exampleLanguages, hasRuntime, startExampleServer } from '../support/example-server.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createWx, loadInMiniProgram, type FakeWx, type WxResponse } from '../support/wx.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const folder = await createTemporaryFolder('mini-program');
onClose(() => folder.remove());
copyFileSync(join(rootDir, 'packages/client/dist/index.js'), join(folder.path, 'wafer-session.js'));

interface ExampleMiniProgram extends FakeWx {
  request(path: string, options?: { method?: string; data?: unknown }): Promise<WxResponse>;
  session(): { id: string; skey: string };
}

/** The example's file with the address of a back end in it, on a phone of this user. */
function openMiniProgram(backEnd: string, user: string): ExampleMiniProgram {
  const source = readFileSync(join(rootDir, 'examples/mini-program/session.js'), 'utf8');
  const file = join(folder.path, `${newUser()}.cjs`);
  writeFileSync(file, source.replace('https://example.com', backEnd));
  const phone = createWx({ appid: testAppid, user });
  const { request } = loadInMiniProgram(file, phone.wx) as Pick<ExampleMiniProgram, 'request'>;
  return {
    ...phone,
    request,
    session: () => JSON.parse(phone.storage.get('wafer_session') ?? '{}') as { id: string; skey: string },
  };
}

for (const language of exampleLanguages) {
  const run = hasRuntime(language) ? test.serial : test.serial.skip;
  run(`${language}: the mini program logs in through the back end, which then checks its session`, async (t) => {
    const backEnd = await startExampleServer(language, `${url}/mina_auth/`, t.teardown.bind(t));
    const post = (path: string, headers: Record<string, string>) => fetch(backEnd + path, { method: 'POST', headers });

    // Five requests on a cold start are one log-in.
    const phone = openMiniProgram(backEnd, newUser());
    const answers = await Promise.all(Array.from({ length: 5 }, () => phone.request('/profile')));
    for (const { statusCode, data } of answers) {
      t.is(statusCode, 200);
      t.is(data.returnMessage, 'AUTH_SUCCESS');
      t.regex(data.returnData.user_info.openId, /^o/);
    }
    t.deepEqual(phone.requestedPaths.slice(0, 2), ['/login', '/profile']);
    t.is(phone.logins(), 1);

    // A session that was ended elsewhere: all requests log in again, once.
    const { id, skey } = phone.session();
    await call(url, 'qcloud.cam.logout', { id, skey });
    const again = await Promise.all(Array.from({ length: 5 }, () => phone.request('/profile')));
    t.deepEqual(
      again.map(({ statusCode }) => statusCode),
      [200, 200, 200, 200, 200],
    );
    t.is(phone.logins(), 2);

    t.is((await post('/profile', { 'X-WX-Id': id, 'X-WX-Skey': skey })).status, 401);
    // Nobody's request is no failure of the server, whoever sends many.
    for (const [path, headers] of [
      ['/profile', {}],
      ['/profile', { 'X-WX-Id': id }],
      ['/profile', { 'X-WX-Skey': skey }],
      ['/login', {}],
    ] as const)
      t.is((await post(path, headers)).status, 401, `${path} ${JSON.stringify(headers)}`);
    t.is((await post('/login', { 'X-WX-Code': `bad~${newUser()}` })).status, 401);
    const quoted = `${id}","skey":"${phone.session().skey}`;
    t.is((await post('/profile', { 'X-WX-Id': quoted, 'X-WX-Skey': '\\' })).status, 401);

    stack.database.cut();
    try {
      t.is((await post('/profile', { 'X-WX-Id': `nobody${newUser()}`, 'X-WX-Skey': 'x' })).status, 503);
    } finally {
      stack.database.restore();
    }
    t.is((await phone.request('/profile')).statusCode, 200);
  });
}

test.serial('a log-in that WeChat refuses fails the mini program’s request', async (t) => {
  const backEnd = await startExampleServer('node', `${url}/mina_auth/`, t.teardown.bind(t));
  const phone = openMiniProgram(backEnd, newUser());
  // A second code is asked for, no third.
  phone.nextCodes.push(`bad~${newUser()}`, `bad~${newUser()}`);
  await t.throwsAsync(async () => phone.request('/profile'), {
    any: true,
    message: 'log-in failed: HTTP 401 WEIXIN_CODE_ERR',
  });
  t.is(phone.storage.size, 0);
  t.is((await phone.request('/profile')).statusCode, 200);
});

test.serial('the mini program sends method and data, and says so if wx.login gave no code', async (t) => {
  const backEnd = createHttpServer((request, response) => {
    void text(request).then((body) => {
      const session = { returnData: { id: 'i', skey: 's' } };
      const seen = { method: request.method, body, id: request.headers['x-wx-id'] };
      response.end(JSON.stringify(request.url === '/login' ? session : seen));
    });
  });
  backEnd.listen(0, '127.0.0.1');
  await once(backEnd, 'listening');
  t.teardown(() => backEnd.close());
  const phone = openMiniProgram(`http://127.0.0.1:${(backEnd.address() as AddressInfo).port}`, newUser());
  phone.nextCodes.push('');
  await t.throwsAsync(async () => phone.request('/orders'), { any: true, message: 'wx.login gave no code: login:ok' });
  const { data } = await phone.request('/orders', { method: 'POST', data: { item: 7 } });
  t.deepEqual(data, { method: 'POST', body: '{"item":7}', id: 'i' });
  t.is((await phone.request('/orders')).data.method, 'GET');
});

test.serial('a back end whose session server is silent answers 503 in time', async (t) => {
  const silent = createServer((socket) => {
    socket.on('error', () => undefined);
    t.teardown(async () => void socket.destroy());
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(async () => void silent.close());
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mina_auth/`;
  await Promise.all(
    exampleLanguages.filter(hasRuntime).map(async (language) => {
      const backEnd = await startExampleServer(language, address, t.teardown.bind(t));
      const headers = { 'X-WX-Id': 'x', 'X-WX-Skey': 'x' };
      // The mini program's own limit for a request.
      const signal = AbortSignal.timeout(15_000);
      t.is((await fetch(`${backEnd}/profile`, { method: 'POST', headers, signal })).status, 503, language);
    }),
  );
});

test.serial('a back end whose session server is away answers 503', async (t) => {
  for (const language of exampleLanguages.filter(hasRuntime)) {
    const backEnd = await startExampleServer(language, 'http://127.0.0.1:9/mina_auth/', t.teardown.bind(t));
    const headers = { 'X-WX-Id': 'x', 'X-WX-Skey': 'x' };
    t.is((await fetch(`${backEnd}/profile`, { method: 'POST', headers })).status, 503, language);
  }
});
