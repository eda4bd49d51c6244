import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

import { rootDir } from '../support/built.ts';
import { call, newUser } from '../support/client.ts';
import { exampleLanguages, hasRuntime, startExampleServer } from '../support/example-server.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createWx, loadInMiniProgram, type FakeWx, type WxResponse } from '../support/wx.ts';

const closers: (() => Promise<void>)[] = [];
const onClose = (close: () => Promise<void>) => void closers.push(close);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const folder = await createTemporaryFolder('mini-program');
onClose(() => folder.remove());
test.after.always(async () => {
  for (const close of closers.toReversed()) await close();
});

interface ExampleMiniProgram extends FakeWx {
  request(path: string): Promise<WxResponse>;
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
    session: () => JSON.parse(phone.storage.get('session') ?? '{}') as { id: string; skey: string },
  };
}

for (const language of exampleLanguages) {
  const run = hasRuntime(language) ? test.serial : test.serial.skip;
  run(`${language}: the mini program logs in through the back end, which then checks its session`, async (t) => {
    const closers: (() => Promise<void>)[] = [];
    t.teardown(async () => {
      for (const close of closers.toReversed()) await close();
    });
    const backEnd = await startExampleServer(language, `${url}/mina_auth/`, (close) => void closers.push(close));
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
    t.is((await post('/profile', {})).status === 200, false);
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

test.serial(
  'a log-in that WeChat refuses is an error of the mini program’s request, and leaves no session',
  async (t) => {
    const closers: (() => Promise<void>)[] = [];
    t.teardown(async () => {
      for (const close of closers.toReversed()) await close();
    });
    const backEnd = await startExampleServer('node', `${url}/mina_auth/`, (close) => void closers.push(close));
    const phone = openMiniProgram(backEnd, newUser());
    phone.nextCodes.push(`bad~${newUser()}`);
    await t.throwsAsync(async () => phone.request('/profile'), {
      any: true,
      message: 'log-in failed: 401 WEIXIN_CODE_ERR',
    });
    t.is(phone.storage.size, 0);
    t.is((await phone.request('/profile')).statusCode, 200);
  },
);

test.serial('a back end whose session server is away answers 503', async (t) => {
  const closers: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    for (const close of closers.toReversed()) await close();
  });
  for (const language of exampleLanguages.filter(hasRuntime)) {
    const backEnd = await startExampleServer(
      language,
      'http://127.0.0.1:9/mina_auth/',
      (close) => void closers.push(close),
    );
    const headers = { 'X-WX-Id': 'x', 'X-WX-Skey': 'x' };
    t.is((await fetch(`${backEnd}/profile`, { method: 'POST', headers })).status, 503, language);
  }
});
