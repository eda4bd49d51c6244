import { once } from 'node:events';
import test from 'ava';
import type { Gate } from '../../../../apps/web/access/gate.ts';
import type { Answer } from '../../../../apps/web/answer.ts';
import { defaultHttpLimits, type HttpLimits } from '../../../../apps/web/http/limits.ts';
import { listen } from '../../../../apps/web/http/server.ts';
import type { Credentials } from '../../../../apps/web/routes/forward-auth.ts';
import { closeAfterAll } from '../../../support/closing.ts';
import { createOpenApp } from '../../../support/open-app.ts';
import { openSocket } from '../../../support/raw-http.ts';

const onClose = closeAfterAll(test);
/** A server whose lane answers with what it was asked, and `late` when it is told to; Node's part says that it is Node's. */
async function startServer({
  limits = {},
  admit = (path) => ({ url: path }),
}: { limits?: Partial<HttpLimits>; admit?: Gate['admitAtOnce'] } = {}) {
  const late: ((answer: Answer) => void)[] = [];
  /** As soon as their headers are there. */
  const readByNode: string[] = [];
  const answer = (body: Buffer): Answer | Promise<Answer> =>
    body.toString() === 'late'
      ? new Promise((resolve) => late.push(resolve))
      : { status: 200, body: `lane:${body.length > 1000 ? body.length : body.toString()}` };
  const check = ({ id, skey, appid }: Credentials): Answer => ({ status: 200, body: `lane:${id}+${skey}+${appid}` });
  const server = await listen(
    {
      onRequest(request, response) {
        readByNode.push(request.url ?? '');
        request.resume().once('end', () => response.end(`node:${request.url}`));
      },
      fastLane: { admit, answer, check, bodyLimitBytes: 5000 },
    },
    { host: '127.0.0.1', port: 0 },
    { ...defaultHttpLimits, ...limits },
  );
  onClose(() => server.close());
  return { server, late, readByNode, url: `http://127.0.0.1:${server.port}` };
}

const post = (body: string, path = '/mina_auth/') =>
  `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** A client that reads along. */
async function open(url: string) {
  const socket = await openSocket(url, onClose);
  socket.removeAllListeners('error').on('error', () => undefined);
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  const hears = async (text: string) => {
    while (!received.includes(text)) await once(socket, 'data');
    return received;
  };
  return { socket, ended, hears };
}

const bodiesOf = (text: string) => text.match(/(?:lane|node|late):[^H]*/g) ?? [];
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

test('the first request that is not plain makes the connection Node’s', async (t) => {
  const { url } = await startServer();
  const { socket, hears } = await open(url);
  for (const body of ['one', 'two', 'three']) {
    socket.write(post(body));
    await hears(`lane:${body}`);
  }
  socket.write('GET /other HTTP/1.1\r\nHost: test\r\n\r\n');
  await hears('node:/other');
  socket.write(post('four'));
  t.deepEqual(bodiesOf(await hears('node:/mina_auth/')), [
    'lane:one',
    'lane:two',
    'lane:three',
    'node:/other',
    'node:/mina_auth/',
  ]);
});

test('a request in pieces, too long or not for the protocol is Node’s', async (t) => {
  const { url, readByNode } = await startServer({
    admit: (path) => (path.includes('/k/refused/') ? undefined : { url: path }),
  });
  const whole = post('pieces');
  const pieces = await open(url);
  pieces.socket.setNoDelay(true).write(whole.slice(0, -3));
  await until(() => readByNode.length > 0);
  pieces.socket.write(whole.slice(-3));
  await pieces.hears('node:/mina_auth/');
  for (const [body, path] of [
    ['a', '/forward-auth'],
    ['a', '/k/refused/mina_auth/'],
    ['a'.repeat(5001), '/mina_auth/'],
  ] as const) {
    const { socket, hears } = await open(url);
    socket.write(post(body, path));
    t.deepEqual(bodiesOf(await hears('node:')), [`node:${path}`]);
  }
  const { socket, hears } = await open(url);
  socket.write(post('a', '/k/known/mina_auth/index.php'));
  t.deepEqual(bodiesOf(await hears('lane:a')), ['lane:a']);
});

test('requests that are sent ahead are answered one after the other, in their order', async (t) => {
  const { url, late, readByNode } = await startServer();
  const { socket, hears } = await open(url);
  socket.write(post('late'));
  await until(() => late.length > 0);
  socket.write(post('second') + post('third'));
  socket.write(post('fourth', '/last'));
  late[0]?.({ status: 200, body: 'late:first' });
  const text = await hears('node:/last');
  // Two at once are Node's.
  t.deepEqual(bodiesOf(text), ['late:first', 'node:/mina_auth/', 'node:/mina_auth/', 'node:/last']);
  t.deepEqual(readByNode, ['/mina_auth/', '/mina_auth/', '/last']);
});

test('a client that ended its side is answered before the connection ends', async (t) => {
  const { url, late } = await startServer();
  const quick = await open(url);
  quick.socket.end(post('quick'));
  t.deepEqual(bodiesOf(await quick.ended), ['lane:quick']);
  const slow = await open(url);
  slow.socket.end(post('late'));
  await until(() => late.length > 0);
  late[0]?.({ status: 200, body: 'late:answer' });
  t.deepEqual(bodiesOf(await slow.ended), ['late:answer']);
});

test('a client that goes away does no harm, and its late answer goes nowhere', async (t) => {
  const { url, late } = await startServer();
  const gone = await open(url);
  gone.socket.write(post('late'));
  await until(() => late.length > 0);
  gone.socket.resetAndDestroy();
  await gone.ended;
  late[0]?.({ status: 200, body: 'late:answer' });
  const next = await open(url);
  next.socket.write(post('next'));
  t.deepEqual(bodiesOf(await next.hears('lane:next')), ['lane:next']);
});

test('a silent connection hears 408, one that has asked ends without it', async (t) => {
  const { url } = await startServer({ limits: { headersTimeoutMs: 200, keepAliveTimeoutMs: 200 } });
  const mute = await open(url);
  t.regex(await mute.ended, /^HTTP\/1\.1 408 .*\{"error":"request_timeout"\}$/s);
  const idle = await open(url);
  idle.socket.write(post('once'));
  t.regex(await idle.ended, /^HTTP\/1\.1 200 .*lane:once$/s);
});

test('what arrives in time is answered though the process stood still', async (t) => {
  const { url } = await startServer({ limits: { headersTimeoutMs: 200, keepAliveTimeoutMs: 200 } });
  const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  const { socket, hears } = await open(url);
  for (const body of ['first', 'second']) {
    // In the kernel when the call returns.
    socket.write(post(body));
    standStill();
    await hears(`lane:${body}`);
  }
  t.false(socket.destroyed);
});

test('a client that asks and never reads is cut off, and not read meanwhile', async (t) => {
  const { url, late } = await startServer({ limits: { inactivityTimeoutMs: 300 } });
  const { socket } = await open(url);
  socket.pause();
  socket.write(post('late'));
  await until(() => late.length > 0);
  // More than the kernel takes.
  late[0]?.({ status: 200, body: 'y'.repeat(20_000_000) });
  const timer = setInterval(() => socket.write(post('late')), 20);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  t.is(late.length, 1);
});

test('when the server stops, an answer that is due is the last of its connection', async (t) => {
  const { server, url, late } = await startServer();
  const idle = await open(url);
  idle.socket.write(post('idle'));
  await idle.hears('lane:idle');
  const busy = await open(url);
  busy.socket.write(post('late'));
  await until(() => late.length > 0);
  const closed = server.close();
  await idle.ended;
  late[0]?.({ status: 200, body: 'late:answer' });
  const text = await busy.ended;
  t.regex(text, /\r\nConnection: close\r\n/);
  t.deepEqual(bodiesOf(text), ['late:answer']);
  await closed;
});

test('a GET of forward auth without a body is answered in the lane', async (t) => {
  const { url } = await startServer();
  const get = (...headers: string[]) => ['GET /forward-auth HTTP/1.1', 'Host: test', ...headers, '', ''].join('\r\n');
  const { socket, hears } = await open(url);
  socket.write(get('X-WX-Id: a', 'x-wx-skey: b', 'X-Wafer-Appid: c'));
  await hears('lane:a+b+c');
  socket.write(get('X-WX-Id: d'));
  await hears('lane:d++');
  socket.write(get().replace('/forward', '/k/key/forward'));
  await hears('lane:++');
  for (const bytes of [
    get('Content-Length: 0'),
    get('Content-Length: 5') + 'hello',
    get('X-WX-Id: a', 'X-WX-Id: b'),
    get().replace('GET', 'HEAD'),
    get().replace('auth HTTP', 'auth?a=b HTTP'),
    get().replace('/forward-auth', '/mina_auth/'),
    `POST /forward-auth HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`,
  ]) {
    const { socket, ended } = await open(url);
    socket.write(bytes);
    socket.end();
    t.false((await ended).includes('lane:'), bytes);
  }
});

test('answers are byte for byte the same in the lane and from Koa', async (t) => {
  const error = '{"error":"session_invalid"}';
  const answers: Record<string, Answer> = {
    plain: { status: 200, reason: undefined, body: '{"returnCode":0}' },
    reason: { status: 200, reason: 'wechat_breaker', body: '{"returnCode":1005}' },
    bug: { status: 500, body: '{"error":"internal"}' },
    empty: { status: 200, headers: ['Cache-Control', 'no-store', 'X-Wafer-Unionid', '', 'X-A', '%20'], body: '' },
    refused: { status: 401, reason: 'session_invalid', headers: ['WWW-Authenticate', 'Wafer'], body: error },
  };
  let inLane = 0;
  const answer = (body: Buffer) => answers[body.toString()] as Answer;
  const check = ({ id }: Credentials) => answers[id] as Answer;
  const count =
    <Given, Value>(work: (given: Given) => Value) =>
    (given: Given) => (inLane++, work(given));
  const fastLane = {
    admit: (url: string) => ({ url }),
    answer: count(answer),
    check: count(check),
    bodyLimitBytes: 5000,
  };
  const onRequest = createOpenApp({ answer, check });
  const address = { host: '127.0.0.1', port: 0 };
  const servers = [await listen({ onRequest, fastLane }, address), await listen({ onRequest }, address)];
  for (const server of servers) onClose(() => server.close());
  for (const name of Object.keys(answers))
    for (const bytes of [post(name), `GET /forward-auth HTTP/1.1\r\nHost: test\r\nX-WX-Id: ${name}\r\n\r\n`]) {
      const texts: string[] = [];
      for (const { port } of servers) {
        const { socket, hears } = await open(`http://127.0.0.1:${port}`);
        socket.write(bytes.replace('\r\n\r\n', '\r\nX-Request-Id: id-1\r\n\r\n'));
        const text = await hears(`\r\n\r\n${answers[name]?.body}`);
        texts.push(text.replace(/\r\nDate: [^\r]* GMT\r\n/, '\r\nDate: now\r\n'));
      }
      t.is(texts[0], texts[1]);
      t.regex(texts[0] ?? '', /\r\nX-Request-Id: id-1\r\n.*\r\nDate: now\r\n/s);
    }
  t.is(inLane, 10);
});
