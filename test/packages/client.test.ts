import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import test from 'ava';

import { createWaferSession } from '../../packages/node/src/wafer-session.ts';
import { startBusinessServer } from '../support/business-server.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll, type OnClose } from '../support/closing.ts';
import { getUserInfo, openClient } from '../support/package-client.ts';
import { listen } from '../support/listen.ts';
import { startFramework } from '../support/package-servers.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
/** On a busy machine everything takes longer. */
const wafer = createWaferSession({ url: `${url}/mina_auth/`, checkDeadlineMs: 30_000, loginDeadlineMs: 30_000 });
onClose(() => wafer.close());
const backEnd = await startFramework('express', wafer, onClose);
const original = await startBusinessServer(url, onClose);

/** A phone of a user of its own, with a back end. */
function openPhone({ server = backEnd, user = newUser() } = {}) {
  return openClient({
    appid: testAppid,
    user,
    options: () => ({ loginUrl: `${server}/login`, logoutUrl: `${server}/logout` }),
  });
}

/** The same, with the unmodified SDK of 2016 as back end, which wants user data and, as its client does, is asked by GET. */
function openPhoneOfOriginal() {
  return openClient({
    appid: testAppid,
    user: newUser(),
    options: (wx) => ({ loginUrl: original.loginUrl, method: 'GET', getUserData: () => getUserInfo(wx) }),
  });
}

type Phone = ReturnType<typeof openPhone>;

/** Ends the phone's session behind its back. */
async function endSession(phone: Phone): Promise<void> {
  const session = phone.session();
  noteSecret('skey', session?.skey);
  const isOver = async () => [0, 60012].includes((await call(url, 'qcloud.cam.logout', session)).returnCode);
  await until('the session is over', isOver);
}

const callsOf = (code: string) => stack.wechat?.stats().codes[code];

test.serial('100 requests at once on a cold start are one log-in', async (t) => {
  const phone = openPhone();
  const answers = await Promise.all(Array.from({ length: 100 }, () => phone.request({ url: `${backEnd}/profile` })));
  t.deepEqual(
    answers.filter(({ statusCode, data }) => statusCode !== 200 || data.id !== phone.session()?.id),
    [],
  );
  t.is(phone.logins(), 1);
  t.is(phone.requestedPaths.filter((path) => path === '/login').length, 1);
});

test.serial('a request has the options of wx.request, and the session in its headers', async (t) => {
  const seen: { method: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = await listen(async (request, response) => {
    const isLogin = request.url === '/login';
    if (!isLogin) seen.push({ method: request.method, headers: request.headers, body: String(await buffer(request)) });
    response.end(JSON.stringify(isLogin ? { returnCode: 0, returnData: { id: 'i', skey: 's' } } : { done: true }));
  }, t.teardown.bind(t));
  const phone = openPhone({ server });
  const header = { 'X-Shop': '7' };
  const { data } = await phone.request({ url: `${server}/orders`, method: 'PUT', data: { item: 7 }, header });
  t.deepEqual(data, { done: true });
  t.is(seen[0]?.method, 'PUT');
  t.is(seen[0]?.body, '{"item":7}');
  t.like(seen[0]?.headers, { 'x-shop': '7', 'x-wx-id': 'i', 'x-wx-skey': 's' });
});

test.serial('a log-in names the device if it is told to, and only then', async (t) => {
  const seen: unknown[] = [];
  const server = await listen((request, response) => {
    seen.push(request.headers['x-wx-device']);
    response.end(JSON.stringify({ returnCode: 0, returnData: { id: 'i', skey: 's' } }));
  }, t.teardown.bind(t));
  const logIn = (device: object, sendDevice: boolean) =>
    openClient({
      appid: testAppid,
      user: newUser(),
      options: (wx) => {
        Object.assign(wx.wx, device);
        return { loginUrl: server, sendDevice };
      },
    }).login();
  const iphone = { platform: 'ios', brand: 'iPhone', model: 'iPhone 15 Pro' };
  await logIn({ getDeviceInfo: () => iphone }, true);
  await logIn({ getSystemInfoSync: () => ({ platform: 'android', brand: '小米', model: '14' }) }, true);
  await logIn({ getDeviceInfo: () => ({ ...iphone, model: '\uD83D'.repeat(7) }) }, true);
  await logIn({}, true);
  await logIn({ getDeviceInfo: () => iphone }, false);
  t.deepEqual(seen, [
    'ios%20iPhone%2015%20Pro',
    encodeURIComponent('android 小米 14'),
    undefined,
    undefined,
    undefined,
  ]);
});

test.serial('requests whose session was ended elsewhere log in once more, together', async (t) => {
  const phone = openPhone();
  await phone.request({ url: `${backEnd}/profile` });
  await endSession(phone);
  const answers = await Promise.all(Array.from({ length: 20 }, () => phone.request({ url: `${backEnd}/profile` })));
  t.true(answers.every(({ statusCode }) => statusCode === 200));
  t.is(phone.logins(), 2);
});

test.serial('a session that is refused after a new log-in is an error, no third log-in', async (t) => {
  const server = await listen((request, response) => {
    const session = { returnCode: 0, returnData: { id: 'i', skey: newUser() } };
    response.end(JSON.stringify(request.url === '/login' ? session : { returnCode: 60012 }));
  }, t.teardown.bind(t));
  const phone = openPhone({ server });
  const like = { reason: 'session_invalid', isRetryable: false };
  t.like(await t.throwsAsync(() => phone.request({ url: `${server}/profile` }), { any: true }), like);
  t.is(phone.logins(), 2);
  t.is(phone.session(), undefined);
});

test.serial('a log-in whose answer is lost is sent again, and WeChat is asked once', async (t) => {
  const front = await startForgetfulFront(backEnd, 2, t.teardown.bind(t));
  const phone = openPhone({ server: front.url });
  const code = `${newUser()}~1`;
  phone.nextCodes.push(code);
  t.is((await phone.request({ url: `${front.url}/profile` })).statusCode, 200);
  t.deepEqual(front.codes, [code, code, code]);
  t.is(callsOf(code), 1);
  t.is(phone.logins(), 1);
});

test.serial('a log-in without any answer is an error, and the next one has a new code', async (t) => {
  const front = await startForgetfulFront(backEnd, 4, t.teardown.bind(t));
  const phone = openPhone({ server: front.url });
  const failure = await t.throwsAsync(() => phone.request({ url: `${front.url}/profile` }), { any: true });
  t.like(failure, { name: 'WaferSessionError', reason: 'network', isRetryable: true });
  t.is(front.codes.length, 4);
  t.is(phone.logins(), 1);
  t.is((await phone.request({ url: `${front.url}/profile` })).statusCode, 200);
  t.is(phone.logins(), 2);
});

test.serial('no code is sent again 15 s after it was first sent', async (t) => {
  let sent = 0;
  const server = await listen((request) => {
    sent++;
    phone.clockMs += 14_500;
    request.socket.destroy();
  }, t.teardown.bind(t));
  const phone = openPhone({ server });
  t.like(await t.throwsAsync(() => phone.login(), { any: true }), { reason: 'network' });
  t.is(sent, 1);
});

test.serial('a code that WeChat refuses is followed by a new one, once', async (t) => {
  const phone = openPhone();
  phone.nextCodes.push(`bad~${newUser()}`);
  t.is((await phone.request({ url: `${backEnd}/profile` })).statusCode, 200);
  t.is(phone.logins(), 2);

  const refused = openPhone();
  refused.nextCodes.push(`bad~${newUser()}`, `bad~${newUser()}`);
  const failure = await t.throwsAsync(() => refused.request({ url: `${backEnd}/profile` }), { any: true });
  t.like(failure, { reason: 'code_refused', statusCode: 401, isRetryable: false });
  t.regex((failure as Error).message, /40029 WEIXIN_CODE_ERR/);
  t.is(refused.logins(), 2);
  t.is(refused.storage.size, 0);
});

test.serial('wx.login without a code is an error that says so', async (t) => {
  const phone = openPhone();
  phone.nextCodes.push('');
  t.like(await t.throwsAsync(() => phone.login(), { any: true }), {
    reason: 'wx_login_failed',
    message: 'wx.login gave no code: login:ok',
  });
});

test.serial('an upload carries the session, and is repeated after a new log-in', async (t) => {
  const phone = openPhone();
  const upload = () => phone.uploadFile({ url: `${backEnd}/upload`, filePath: 'wxfile://a.png', name: 'file' });
  t.deepEqual(await upload(), { statusCode: 200, data: '{"file":"wxfile://a.png"}' });
  await endSession(phone);
  t.is((await upload()).statusCode, 200);
  t.is(phone.logins(), 2);
});

test.serial('the session outlives the mini program, and a log-out', async (t) => {
  const phone = openPhone();
  const session = await phone.login();
  phone.restart();
  t.deepEqual({ ...phone.session() }, { ...session });
  t.is((await phone.request({ url: `${backEnd}/profile` })).statusCode, 200);
  t.is(phone.logins(), 1);

  await phone.logout();
  t.is(phone.session(), undefined);
  t.is(phone.storage.size, 0);
  t.is((await call(url, 'qcloud.cam.auth', { ...session })).returnCode, 60012);
  await phone.logout();
  t.is((await phone.request({ url: `${backEnd}/profile` })).statusCode, 200);
  t.is(phone.logins(), 2);
});

test.serial('a request that is refused after a log-out does not log in again', async (t) => {
  const phone = openPhone();
  await phone.login();
  const { request } = phone.wx as { request(options: object): void };
  let release = () => {};
  const isOver = new Promise<void>((resolve) => (release = resolve));
  Object.assign(phone.wx, {
    request: (options: { url: string }) =>
      options.url.endsWith('/profile') ? void isOver.then(() => request(options)) : request(options),
  });
  const refused = t.throwsAsync(phone.request({ url: `${backEnd}/profile` }), { any: true });
  await phone.logout();
  release();
  t.like(await refused, { reason: 'session_invalid', isRetryable: false });
  t.is(phone.session(), undefined);
  t.is(phone.logins(), 1);
  t.is((await phone.request({ url: `${backEnd}/profile` })).statusCode, 200);
  t.is(phone.logins(), 2);
});

test.serial('a mini program whose storage is full logs in once, too', async (t) => {
  const phone = openPhone();
  Object.assign(phone.wx, {
    setStorageSync: () => {
      throw new Error('setStorageSync:fail exceed storage max size');
    },
  });
  await phone.request({ url: `${backEnd}/profile` });
  t.is((await phone.request({ url: `${backEnd}/profile` })).statusCode, 200);
  t.is(phone.logins(), 1);
});

test.serial('a store that is away ends no session', async (t) => {
  for (const { phone, profile } of [
    { phone: openPhone(), profile: `${backEnd}/profile` },
    { phone: openPhoneOfOriginal(), profile: original.profileUrl },
  ]) {
    await phone.login();
    // One that no front end remembers.
    const session = { id: newUser(), skey: newUser() };
    (phone.wx as { setStorageSync(key: string, value: unknown): void }).setStorageSync('wafer_session', session);
    phone.restart();
    stack.database.cut();
    try {
      const failure = await t.throwsAsync(() => phone.request({ url: profile }), { any: true });
      t.like(failure, { reason: 'check_failed', isRetryable: true });
      t.deepEqual({ ...phone.session() }, session);
      t.is(phone.logins(), 1);
    } finally {
      stack.database.restore();
    }
    t.is((await phone.request({ url: profile })).statusCode, 200);
    t.is(phone.logins(), 2);
  }
});

test.serial('the server SDK of 2016 takes log-ins with user data and ends sessions', async (t) => {
  const phone = openPhoneOfOriginal();
  phone.nextCodes.push(`bad~${newUser()}`);
  const profile = () => phone.request({ url: original.profileUrl });
  const answers = await Promise.all(Array.from({ length: 20 }, profile));
  t.true(answers.every(({ data }) => (data.userInfo.openId as string).startsWith('o')));
  t.is(phone.logins(), 2);

  await endSession(phone);
  t.truthy((await profile()).data.userInfo.openId);
  t.is(phone.logins(), 3);
});

/** Passes every request on, and cuts the connection in the place of the answer to the first log-ins. */
async function startForgetfulFront(target: string, times: number, onClose: OnClose) {
  const codes: unknown[] = [];
  const pass = async (request: IncomingMessage) => {
    const { method, headers } = request;
    const body = await buffer(request);
    return new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(target + request.url, { method: method ?? 'GET', headers, agent: false }, resolve)
        .once('error', reject)
        .end(body);
    });
  };
  const front = await listen(async (request, response) => {
    const isLogin = request.url === '/login';
    if (isLogin) codes.push(request.headers['x-wx-code']);
    const answer = await pass(request);
    const body = await buffer(answer);
    if (isLogin && codes.length <= times) request.socket.destroy();
    else response.writeHead(answer.statusCode ?? 500, answer.headers).end(body);
  }, onClose);
  return { url: front, codes };
}
