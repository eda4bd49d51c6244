import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Agent } from 'node:http';
import test from 'ava';
import { defaultHttpLimits } from '../../apps/web/http/limits.ts';
import { listen } from '../../apps/web/http/server.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { authOver, whileLoaded } from '../support/load.ts';
import { openSocket, parseAnswers, rawCall } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
/** The server of web with limits for the impatient; what it answers does not matter here. */
const impatient = await listen(
  {
    onRequest: (request, response) => void request.resume().once('end', () => response.end('ok')),
  },
  { host: '127.0.0.1', port: 0 },
  {
    ...defaultHttpLimits,
    headersTimeoutMs: 300,
    requestTimeoutMs: 600,
    keepAliveTimeoutMs: 300,
    inactivityTimeoutMs: 1000,
    checkEveryMs: 50,
    maxConnections: 20,
  },
);
onClose(() => impatient.close());
const impatientUrl = `http://127.0.0.1:${impatient.port}`;
/** Sends a piece now and then, for as long as it may. @returns what came until the server ended the connection */
async function drip(socket: Socket, first: string, piece: string): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  // Writing to what the other side has ended is an error, and what this test waits for.
  socket.removeAllListeners('error').on('error', () => undefined);
  socket.write(first);
  const timer = setInterval(() => socket.write(piece), 50);
  await closed(socket);
  clearInterval(timer);
  return text;
}

/** Whatever went wrong before: resets are what these clients are made of. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

test.serial('headers that drip in, and a body that does, end in 408', async (t) => {
  const dripping: [first: string, piece: string][] = [
    ['POST /mina_auth/ HTTP/1.1\r\nHost: test\r\n', 'X-A: b\r\n'],
    ['', 'P'],
    ['POST /mina_auth/ HTTP/1.1\r\nHost: test\r\nContent-Length: 10000\r\n\r\n', 'x'],
    ['POST /mina_auth/ HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
  ];
  for (const [first, piece] of dripping) {
    const socket = await openSocket(impatientUrl, onClose);
    const [answer] = parseAnswers(await drip(socket, first, piece));
    // The letter P, again and again, is no method.
    t.is(answer?.status, first === '' ? 400 : 408, first);
    t.is(answer?.headers['connection'], 'close');
    t.true((answer?.body ?? '').startsWith('{"error":'));
  }
});

test.serial('a connection that says nothing, or falls silent after a request, is ended', async (t) => {
  const mute = await openSocket(impatientUrl, onClose);
  mute.resume();
  await once(mute, 'close');
  const silent = await openSocket(impatientUrl, onClose);
  silent.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
  t.true(String((await once(silent, 'data'))[0]).startsWith('HTTP/1.1 200'));
  await once(silent, 'close');
});

test.serial('a client that asks and never reads is cut off', async (t) => {
  const deaf = await openSocket(impatientUrl, onClose);
  deaf.pause();
  deaf.removeAllListeners('error').on('error', () => undefined);
  const bytes = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(10_000);
  const feed = () => void deaf.write(bytes, (error) => error == null && setImmediate(feed));
  feed();
  await closed(deaf);
  t.pass();
});

test.serial('connections beyond the most are closed until others end', async (t) => {
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(impatientUrl, onClose)));
  const beyond = await openSocket(impatientUrl, onClose);
  let heard = '';
  beyond.setEncoding('latin1').on('data', (text: string) => (heard += text));
  await closed(beyond);
  t.is(heard, '', 'no 408, which is what late clients get');
  await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
  t.is((await fetch(impatientUrl)).status, 200);
});

test.serial('connections that are half closed or reset in the middle of anything do no harm', async (t) => {
  for (const part of ['POST /mina', rawCall('qcloud.cam.auth', { id: 'a', skey: 'b' }), '']) {
    const half = await openSocket(url, onClose);
    half.resume().end(part);
    await closed(half);
  }
  for (const part of [
    'POST /mina',
    rawCall('qcloud.cam.id_skey', { code: newUser() }),
    rawCall('x', {}).slice(0, -3),
  ]) {
    const socket = await openSocket(url, onClose);
    socket.write(part);
    socket.resetAndDestroy();
  }
  t.is((await fetch(`${url}/livez`)).status, 200);
});

test.serial('auth checks are answered while hundreds of connections drip and stall', async (t) => {
  const session = (await login(url, `${newUser()}~1`)).returnData as { id: string; skey: string };
  const beginnings = [
    'POST /mina_auth/ HTTP/1.1\r\nHost: test\r\n',
    'POST /mina_auth/ HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n{',
    'POST /mina_auth/ HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
    '',
  ];
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  let checks = 0;
  const clients = Array.from({ length: 4 }, (_, index) => async () => {
    const failure = await authOver(index % 2 === 0 ? agent : false, url, session);
    checks++;
    return failure;
  });
  const { failures, successes } = await whileLoaded(clients, async () => {
    for (let round = 0; round < 5 || checks <= 60; round++) {
      const sockets = await Promise.all(Array.from({ length: 200 }, () => openSocket(url, onClose)));
      for (const [index, socket] of sockets.entries()) {
        socket.removeAllListeners('error').on('error', () => undefined);
        socket.write(beginnings[index % beginnings.length] ?? '');
      }
      for (const socket of sockets.slice(0, 100)) socket.resetAndDestroy();
    }
    // The others drip and stall meanwhile.
    for (let index = 0; index < 100; index++) t.is(await authOver(false, url, session), undefined);
  });
  t.deepEqual(failures, []);
  t.true(successes > 50, `${successes}`);
});
