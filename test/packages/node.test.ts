import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import type { z } from 'zod';

import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import type { idSkey } from '../../apps/web/interfaces/schemas/login.ts';
import type { auth, logout } from '../../apps/web/interfaces/schemas/session.ts';
import { createUserData } from '../../apps/wechat-simulator/users.ts';
import { WaferSessionError } from '../../packages/node/src/error.ts';
import { createMemory } from '../../packages/node/src/memory.ts';
import { createWaferSession, type WaferSessionOptions } from '../../packages/node/src/wafer-session.ts';
import type { Calls } from '../../packages/node/src/wire.ts';
import { failures } from '../../shared/protocol/return-codes.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { createMiniProgram } from '../support/mini-program.ts';
import { listen } from '../support/listen.ts';
import { frameworks, startFramework } from '../support/package-servers.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, app: 'keep_device = 1, keep_client_ip = 1' });
const [url] = stack.urls;
/** On a busy machine everything takes longer. */
const wafer = createWaferSession({ url: `${url}/mina_auth/`, checkDeadlineMs: 30_000, loginDeadlineMs: 30_000 });
onClose(() => wafer.close());

function open(t: ExecutionContext, options: WaferSessionOptions) {
  const opened = createWaferSession(options);
  t.teardown(() => opened.close());
  return opened;
}

async function failureOf(work: Promise<unknown>): Promise<WaferSessionError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as WaferSessionError,
  );
}

for (const framework of frameworks) {
  test.serial(`${framework}: a log-in, its session, and its end`, async (t) => {
    const backEnd = await startFramework(framework, wafer, t.teardown.bind(t));
    const post = (path: string, headers: Record<string, string>) => fetch(backEnd + path, { method: 'POST', headers });
    const code = `${newUser()}~1`;
    const { encrypt_data: encryptedData, iv } = createUserData(testAppid, code);
    const loggedIn = await post('/login', { 'X-WX-Code': code, 'X-WX-Encrypted-Data': encryptedData, 'X-WX-IV': iv });
    t.is(loggedIn.status, 200);
    t.is(loggedIn.headers.get('cache-control'), 'no-store');
    const { session } = (await loggedIn.json()) as { session: { id: string; skey: string } };
    noteSecret('skey', session.skey);

    const headers = { 'X-WX-Id': session.id, 'X-WX-Skey': session.skey };
    const profile = () => fetch(`${backEnd}/profile`, { headers });
    const { id, userInfo } = (await (await profile()).json()) as { id: string; userInfo: { openId: string } };
    t.is(id, session.id);
    t.like(userInfo, (await call(url, 'qcloud.cam.auth', session)).returnData.user_info);

    t.is((await post('/logout', headers)).status, 200);
    const refused = await profile();
    t.is(refused.status, 401);
    t.like(await refused.json(), { error: 'ERR_INVALID_SESSION', returnCode: 60012 });
    t.is((await post('/logout', headers)).status, 200);
    for (const nobody of [{}, { 'X-WX-Id': 'x' }])
      t.is((await fetch(`${backEnd}/profile`, { headers: nobody })).status, 401);
    const badCode = await post('/login', { 'X-WX-Code': `bad~${newUser()}` });
    t.is(badCode.status, 401);
    t.like(await badCode.json(), { error: 'ERR_LOGIN_FAILED', returnCode: 40029 });
    t.is((await post('/login', {})).status, 401);
  });

  test.serial(`${framework}: a store that is away is 503 and ends no session`, async (t) => {
    const backEnd = await startFramework(framework, wafer, t.teardown.bind(t));
    stack.database.cut();
    try {
      const headers = { 'X-WX-Id': newUser(), 'X-WX-Skey': 'x' };
      const answer = await fetch(`${backEnd}/profile`, { headers });
      t.is(answer.status, 503);
      t.is(answer.headers.get('retry-after'), '1');
      t.deepEqual(Object.keys((await answer.json()) as object), ['error', 'message', 'returnCode']);
    } finally {
      stack.database.restore();
    }
  });
}

test.serial('the client SDK of 2016 logs in again for 60012, and not when a store is away', async (t) => {
  const backEnd = await startFramework('express', wafer, t.teardown.bind(t));
  const phone = createMiniProgram({ appid: testAppid, user: newUser(), loginUrl: `${backEnd}/login` });
  t.is((await phone.request(`${backEnd}/profile`)).statusCode, 200);
  const session = phone.session();
  noteSecret('skey', session?.skey);
  await call(url, 'qcloud.cam.logout', session);
  t.is((await phone.request(`${backEnd}/profile`)).statusCode, 200);
  t.is(phone.logins(), 2);

  const away = createWaferSession({ url: 'http://127.0.0.1:9/mina_auth/' });
  const other = await startFramework('express', away, t.teardown.bind(t));
  t.is((await phone.request(`${other}/profile`)).statusCode, 503);
  t.is(phone.logins(), 2);
  t.truthy(phone.session());
});

for (const framework of frameworks)
  test.serial(`${framework}: device and address of a log-in are kept with its session`, async (t) => {
    const backEnd = await startFramework(framework, wafer, t.teardown.bind(t));
    const logIn = async (device: string) => {
      const headers = { 'X-WX-Code': newUser(), 'X-WX-Device': device };
      const answer = await fetch(`${backEnd}/login`, { method: 'POST', headers });
      const { session } = (await answer.json()) as { session: { id: string; skey: string } };
      noteSecret('skey', session.skey);
      return stack.database.query(
        'select device_kind as kind, device_label as label, client_ip as ip from cSessionInfo where uuid = ?',
        [session.id],
      );
    };
    const ip = '127.0.0.1';
    t.deepEqual(await logIn(encodeURIComponent('android 小米 14')), [{ kind: 'android', label: '小米 14', ip }]);
    t.deepEqual(await logIn('%'), [{ kind: null, label: null, ip }], 'nobody’s log-in fails for a broken name');
  });

test.serial('a log-in answers the session, the user and how long it lasts', async (t) => {
  const code = `${newUser()}~1`;
  const login = await wafer.login({ code, encryptedData: undefined, iv: undefined });
  noteSecret('skey', login.skey);
  t.is(login.durationSeconds, 2_592_000);
  t.deepEqual(await wafer.check(login.id, login.skey), login.userInfo);
  const { openId } = login.userInfo ?? {};
  t.regex(String(openId), /^o/);
  const failure = await failureOf(wafer.login({ 'x-wx-code': `limit~${newUser()}` }));
  t.like(failure, { code: 40029, status: 200, reason: 'wechat:45011', isLoginRefused: true, isRetryable: false });
});

test.serial('60012 alone ends a session, failures of stores and of WeChat can be retried', (t) => {
  for (const { code, message } of Object.values(failures)) {
    const failure = new WaferSessionError(message, { code, status: 200 });
    t.is(failure.isSessionInvalid, code === 60012, message);
    t.is(failure.isRetryable, [1001, 1005, 1006, 1007].includes(code), message);
    t.is(failure.isLoginRefused, [40029, 60021].includes(code), message);
  }
});

test.serial('without id and skey, or a code, nobody is asked', async (t) => {
  const { check, logout, login } = open(t, { url: 'http://127.0.0.1:9/mina_auth/' });
  for (const [id, skey] of [
    [undefined, 'x'],
    ['x', ''],
  ] as const) {
    t.like(await failureOf(check(id, skey)), { code: 60012, reason: 'no_session' });
    t.like(await failureOf(logout(id, skey)), { code: 60012, reason: 'no_session' });
  }
  t.like(await failureOf(login({ 'x-wx-iv': 'x' })), { code: 40029, reason: 'no_code' });
});

test.serial('an app that is not there is no reason to log in again, nor to retry', async (t) => {
  const { check } = open(t, { url: `${url}/mina_auth/`, appid: 'wxunknown' });
  t.like(await failureOf(check('x', 'x')), { code: 1012, isSessionInvalid: false, isRetryable: false });
});

test.serial('a server that is away or silent ends no session, and no error has its address', async (t) => {
  const silent = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    t.teardown(() => socket.destroy());
  });
  silent.listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo;
  const other = await listen((_request, response) => response.end('<html>'), t.teardown.bind(t));
  const stopping = await listen((_request, response) => response.writeHead(503).end('{}'), t.teardown.bind(t));
  const hollow = await Promise.all(
    ['null', '""', '{}', '[]', '7'].map((data) =>
      listen(
        (_request, response) => response.end(`{"returnCode":0,"returnMessage":"","returnData":${data}}`),
        t.teardown.bind(t),
      ),
    ),
  );
  const key = newUser();
  const path = `/k/${key}/mina_auth/`;
  for (const [address, facts] of [
    ['http://127.0.0.1:9', { reason: 'network', status: undefined }],
    [`http://127.0.0.1:${port}`, { reason: 'deadline', status: undefined }],
    ...[other, ...hollow].map((address) => [address, { reason: 'answer_invalid', status: 200 }] as const),
    [stopping, { reason: undefined, status: 503 }],
  ] as const) {
    const deadlineMs = facts.reason === 'deadline' ? 100 : 30_000;
    const { check, login } = open(t, { url: address + path, checkDeadlineMs: deadlineMs, loginDeadlineMs: deadlineMs });
    for (const failure of [await failureOf(check('x', 'x')), await failureOf(login({ code: 'x' }))]) {
      t.like(failure, { ...facts, code: undefined, isRetryable: true, isSessionInvalid: false });
      t.false(`${failure.stack} ${String(failure.cause)}`.includes(key));
    }
  }
  const forbidden = open(t, { url: `${url}${path}` });
  t.like(await failureOf(forbidden.check('x', 'x')), { status: 401, reason: 'caller_key_unknown', isRetryable: false });
  t.false(t.throws(() => createWaferSession({ url: `10.0.0.5${path}` })).message.includes(key));
});

test.serial('checks share few connections, and one that was closed costs nothing', async (t) => {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port), onClose: t.teardown.bind(t) });
  const through = open(t, {
    url: `http://127.0.0.1:${proxy.port}/mina_auth/`,
    connections: 3,
    checkDeadlineMs: 30_000,
  });
  const { id, skey } = await through.login({ code: `${newUser()}~1` });
  noteSecret('skey', skey);
  await Promise.all(Array.from({ length: 50 }, () => through.check(id, skey)));
  t.is(proxy.connections(), 4);

  // Each connection is good for one request only, though nobody says so.
  const used = new WeakSet<object>();
  let requests = 0;
  const fickle = await listen((request, response) => {
    requests++;
    if (used.has(request.socket)) return request.socket.resetAndDestroy();
    used.add(request.socket);
    return answer(response, { user_info: null });
  }, t.teardown.bind(t));
  const { check } = open(t, { url: fickle });
  for (let index = 0; index < 3; index++) t.is(await check('x', 'x'), null);
  t.is(requests, 5);
});

test.serial('a check is remembered on demand: a success alone, until its log-out', async (t) => {
  const asked: string[] = [];
  const server = await listen(async (request, response) => {
    const { id, interfaceName } = await readQuestion(request);
    if (interfaceName === 'qcloud.cam.auth') asked.push(id);
    return id === 'invalid' ? answer(response, '', 60012) : answer(response, { user_info: { openId: id } });
  }, t.teardown.bind(t));
  const plain = open(t, { url: server });
  for (let index = 0; index < 2; index++) await plain.check('a', 'x');
  t.deepEqual(asked.splice(0), ['a', 'a']);

  const { check, logout } = open(t, { url: server, rememberMs: 600_000, rememberCount: 2 });
  for (const id of ['a', 'a', 'b', 'a', 'b']) t.deepEqual(await check(id, 'x'), { openId: id });
  t.deepEqual(asked.splice(0), ['a', 'b']);
  await check('a', 'other');
  t.deepEqual(asked.splice(0), ['a']);
  // The third one was one too many: the oldest is gone.
  await check('b', 'x');
  await check('a', 'x');
  t.deepEqual(asked.splice(0), ['a']);
  await logout('a', 'x');
  await check('a', 'x');
  t.deepEqual(asked.splice(0), ['a']);
  for (let index = 0; index < 2; index++) await failureOf(check('invalid', 'x'));
  t.deepEqual(asked, ['invalid', 'invalid']);
});

test.serial('what a caller does to a user that a check answered changes no later answer', async (t) => {
  const server = await listen(async (request, response) => {
    const { id } = await readQuestion(request);
    return answer(response, { user_info: { openId: id } });
  }, t.teardown.bind(t));
  const { check } = open(t, { url: server, rememberMs: 600_000 });
  for (let index = 0; index < 3; index++) {
    const user = await check('a', 'x');
    t.deepEqual(user, { openId: 'a' });
    Object.assign(user ?? {}, { openId: 'b', isAdmin: true });
  }
});

test.serial('a check that is on its way while its session logs out is not remembered', async (t) => {
  const held: (() => void)[] = [];
  let asked = 0;
  const server = await listen(async (request, response) => {
    const { id, interfaceName } = await readQuestion(request);
    if (interfaceName === 'qcloud.cam.logout') return answer(response, {});
    if (asked++ < 2) await new Promise<void>((resolve) => held.push(resolve));
    return answer(response, { user_info: { openId: id } });
  }, t.teardown.bind(t));
  const { check, logout } = open(t, { url: server, rememberMs: 600_000, checkDeadlineMs: 60_000 });
  const onItsWay = [check('a', 'x'), check('a', 'former')];
  await until('both are asked', () => held.length === 2);
  await logout('a', 'x');
  for (const answerIt of held) answerIt();
  await Promise.all(onItsWay);
  await check('a', 'x');
  await check('a', 'former');
  t.is(asked, 4);
  await check('a', 'x');
  t.is(asked, 4, 'what is asked later is');
});

test.serial('made-up log-outs fill no memory, and what was forgotten stays forgotten', (t) => {
  const memory = createMemory<string>(600_000, 10);
  memory.keep('a', 'x', 'before', performance.now());
  memory.keep('b', 'x', 'of somebody else', performance.now());
  const askedAt = performance.now();
  memory.forgetSession('a');
  for (let index = 0; index < 30_000; index++) memory.forgetSession(`made up ${index}`);
  t.is(memory.find('b', 'x'), undefined, 'with so many everything is forgotten');
  memory.keep('a', 'x', 'asked before', askedAt);
  t.is(memory.find('a', 'x'), undefined);
  memory.keep('a'.repeat(101), 'x', 'no id of a server', performance.now());
  t.is(memory.find('a'.repeat(101), 'x'), undefined);
  memory.keep('a', 'x', 'asked later', performance.now());
  t.is(memory.find('a', 'x')?.value, 'asked later');
});

test.serial('the types are those of the interfaces in the OpenAPI document', (t) => {
  type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : never) : never;
  const same: readonly [
    Same<Calls['qcloud.cam.id_skey']['data'], z.output<typeof idSkey.returnData>>,
    Same<Calls['qcloud.cam.auth']['data'], z.output<typeof auth.returnData>>,
    Same<Calls['qcloud.cam.auth']['para'], z.input<typeof auth.para>>,
    Same<Calls['qcloud.cam.logout']['para'], z.input<typeof logout.para>>,
    Calls['qcloud.cam.id_skey']['para'] extends z.input<typeof idSkey.para> ? true : never,
  ] = [true, true, true, true, true];
  t.true(same.every(Boolean));
  const names: readonly (keyof Calls)[] = ['qcloud.cam.id_skey', 'qcloud.cam.auth', 'qcloud.cam.logout'];
  t.true(names.every((name) => interfaceSchemas.has(name)));
});

async function readQuestion(request: IncomingMessage): Promise<{ id: string; interfaceName: string }> {
  const body = (await json(request)) as { interface: { interfaceName: string; para: { id: string } } };
  return { id: body.interface.para.id, interfaceName: body.interface.interfaceName };
}

function answer(response: ServerResponse, returnData: unknown, returnCode = 0): void {
  response.end(JSON.stringify({ returnCode, returnMessage: 'OK', returnData }));
}
