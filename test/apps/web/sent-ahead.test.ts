import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { openCertificate } from '../../../apps/web/http/certificate.ts';
import { defaultHttpLimits, type HttpLimits } from '../../../apps/web/http/limits.ts';
import { listen } from '../../../apps/web/http/server.ts';
import type { Standing } from '../../../shared/http/places.ts';
import { createLog } from '../../../shared/log/log.ts';
import { createCertificates } from '../../support/certificates.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createRandom } from '../../support/random.ts';
import { parseAnswers } from '../../support/raw-http.ts';

const onClose = closeAfterAll(test);
const createCertificate = await createCertificates(onClose);
/** More than that of one connection is never in hand: four, and what comes with the fourth in one piece. */
const mostInHand = 10;

/** A server that says what it was asked; requests for /held wait until they are let go. */
async function startServer({
  isSecure = false,
  limits = {},
  standingOf,
}: {
  isSecure?: boolean;
  limits?: Partial<HttpLimits>;
  standingOf?: (address: string) => Standing;
} = {}) {
  const sockets = new Set<Socket>();
  const held: ServerResponse[] = [];
  const begun: string[] = [];
  const refused: string[] = [];
  let inHand = 0;
  let mostSeen = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    begun.push(request.url ?? '');
    mostSeen = Math.max(mostSeen, ++inHand);
    response.once('close', () => inHand--);
    sockets.add(request.socket);
    if (request.headers.expect !== undefined) response.writeContinue();
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request.once('end', () => {
      if (request.url?.startsWith('/held')) held.push(response);
      else
        response
          .setHeader('Content-Length', `${request.url}:${body.length}`.length)
          .end(`${request.url}:${body.length}`);
    });
  };
  const server = await listen(
    {
      onRequest,
      ...(standingOf === undefined ? {} : { standingOf }),
      onRefusedConnection: (address, standing) => refused.push(`${address} ${standing}`),
    },
    {
      host: '127.0.0.1',
      port: 0,
      certificate: isSecure ? openCertificate(createCertificate('ahead'), createLog('web', 'silent')) : undefined,
    },
    { ...defaultHttpLimits, ...limits },
  );
  onClose(() => server.close());
  const open = (from = '127.0.0.1'): Socket => {
    const address = { port: server.port, host: '127.0.0.1', localAddress: from };
    const socket = isSecure ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
    socket.on('error', () => undefined);
    onClose(async () => void socket.destroy());
    return socket;
  };
  return {
    held,
    begun,
    refused,
    open,
    mostSeen: () => mostSeen,
    areAllClosed: () => [...sockets].every(({ closed }) => closed),
  };
}

/** What comes until the server ends the connection. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  if (!socket.destroyed) await once(socket, 'close');
  return text;
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: t', ...headers, '', ''].join('\r\n');
const lastGet = get('/last', 'Connection: close');

for (const [title, isSecure] of [
  ['of 20,000 requests sent ahead ten at most are in hand, all are answered', false],
  ['of 20,000 requests sent ahead over TLS ten at most are in hand, all are answered', true],
] as const) {
  test(title, async (t) => {
    const server = await startServer({ isSecure });
    const socket = server.open();
    const count = 20_000;
    socket.write(`${Array.from({ length: count }, (_, index) => get(`/${index}`)).join('')}${lastGet}`);
    const answers = parseAnswers(await readToEnd(socket));
    t.deepEqual(
      answers.map(({ body }) => body),
      [...Array.from({ length: count }, (_, index) => `/${index}:0`), '/last:0'],
    );
    t.true(server.mostSeen() <= mostInHand, `${server.mostSeen()}`);
  });
}

for (const [title, isSecure] of [
  ['what is sent behind requests that wait is dropped with its connection', false],
  ['what is sent behind requests that wait is dropped with its connection over TLS', true],
] as const) {
  test(title, async (t) => {
    const server = await startServer({ isSecure });
    const socket = server.open();
    socket.write(get('/held').repeat(500_000));
    await until(() => server.held.length >= 4);
    // Another client is asked and answered meanwhile.
    const other = server.open();
    other.write(lastGet);
    t.regex(await readToEnd(other), /\/last:0$/);
    const begun = server.begun.length;
    t.true(begun <= mostInHand + 1, `${begun}`);
    t.true(socket.bytesWritten > 0 && socket.writableLength > 0, 'the client has to wait');
    socket.destroy();
    // Of a connection that is not read nobody knows that it has ended before the first answer is written.
    await until(() => {
      server.held.shift()?.end('too late');
      return server.areAllClosed();
    });
    t.true(server.begun.length <= begun + mostInHand, `${server.begun.length}`);
  });
}

test('of the shortest requests that there are no more are in hand', async (t) => {
  const server = await startServer();
  const socket = server.open();
  socket.write('GET /held HTTP/1.1\r\nHost:\r\n\r\n'.repeat(10_000));
  await until(() => server.held.length >= 4);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.true(server.begun.length <= mostInHand, `${server.begun.length}`);
});

test('requests of every kind, cut anywhere, are answered as one after the other', async (t) => {
  const server = await startServer();
  const random = createRandom(20);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  for (let round = 0; round < 60; round++) {
    const expected: string[] = [];
    let bytes = '';
    for (let index = 0; index < 30; index++) {
      const path = `/${round}-${index}`;
      const body = pick([
        '',
        'x',
        '\r\n\r\n'.repeat(100),
        'GET / HTTP/1.1\r\nHost: t\r\n\r\n'.repeat(20),
        'y'.repeat(20_000),
      ]);
      const chunked = `${body.length.toString(16)}\r\n${body}\r\n${body === '' ? '' : '0\r\n\r\n'}`;
      bytes += pick([
        `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        `POST ${path} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
        `POST ${path} HTTP/1.1\r\nHost: t\r\nX-Long: ${'z'.repeat(Math.floor(random() * 3000))}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ]);
      expected.push(`${path}:${body.length}`);
    }
    bytes += lastGet;
    const socket = server.open();
    socket.setNoDelay(true);
    const received = readToEnd(socket);
    for (let at = 0; at < bytes.length;) {
      const length = 1 + Math.floor(random() ** 4 * 60_000);
      socket.write(bytes.slice(at, at + length), 'latin1');
      at += length;
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
    const bodies = parseAnswers(await received).map(({ body }) => body);
    t.deepEqual(bodies, [...expected, '/last:0']);
  }
  t.true(server.mostSeen() <= mostInHand, `${server.mostSeen()}`);
});

test('behind what is no request nothing is read, though it was sent along', async (t) => {
  const server = await startServer();
  const socket = server.open();
  socket.write(`${get('/first').repeat(3)}NONSENSE\r\n\r\n${get('/behind').repeat(100)}`);
  const text = await readToEnd(socket);
  t.regex(text, /HTTP\/1\.1 400 [^]*"bad_request"}$/);
  t.deepEqual([...new Set(server.begun)], ['/first']);
});

test('a body announced with Expect comes after the answers that are due', async (t) => {
  const server = await startServer();
  const socket = server.open();
  socket.write(
    `${get('/a').repeat(5)}POST /b HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
  );
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  while (!text.includes('100 Continue')) await once(socket, 'data');
  socket.write(`abc${lastGet}`);
  await once(socket, 'close');
  t.deepEqual(text.match(/\/\w+:\d/g), [...Array.from({ length: 5 }, () => '/a:0'), '/b:3', '/last:0']);
});

test('a client that asks for long answers and does not read them has few of them made', async (t) => {
  const server = await startServer();
  const socket = server.open().pause();
  socket.write(get('/held').repeat(10_000));
  let made = 0;
  const long = 'a'.repeat(1_000_000);
  const isStill = async (): Promise<boolean> => {
    for (let index = 0; index < 200; index++) {
      if (server.held.length > 0) return false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  };
  await until(() => server.held.length > 0);
  while (!(await isStill())) {
    server.held.shift()?.end(long);
    made++;
  }
  // A few are in the buffers of the system.
  t.true(made <= mostInHand + 20, `${made}`);
});

test('what clients send and is not answered is bounded for all of them together', async (t) => {
  const server = await startServer({ limits: { heldBytes: 200_000 }, standingOf: () => 'proxy' });
  const big = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(59_000)}`;
  const sockets = Array.from({ length: 10 }, () => server.open());
  for (const socket of sockets) socket.resume().write(big('/big'));
  // Each has 4 kB, and three of them the rest as well.
  const isOver = () => sockets.filter(({ destroyed }) => destroyed).length >= 7;
  await until(isOver);
  t.is(sockets.filter(({ destroyed }) => destroyed).length, 7);
  const usual = server.open();
  usual.write(`${get('/usual', `X-A: ${'a'.repeat(10_000)}`)}${lastGet}`);
  t.regex(await readToEnd(usual), /\/last:0$/);
  for (const socket of sockets) socket.destroy();
  await until(server.areAllClosed);
  const after = server.open();
  after.write(`${big('/after')}${'x'.repeat(1000)}${lastGet}`);
  t.regex(await readToEnd(after), /\/last:0$/);
});

const standingOf = (address: string): Standing => (address === '127.0.0.2' ? 'caller' : 'stranger');

for (const [title, isSecure] of [
  ['strangers get a few connections each and altogether, callers theirs', false],
  ['over TLS strangers get a few connections each and altogether, callers theirs', true],
] as const) {
  test(title, async (t) => {
    const limits = {
      connectionsPerCaller: 30,
      connectionsPerStranger: 5,
      strangers: 8,
      newStrangersPerSecond: 1000,
      newPerStrangerPerSecond: 1000,
    };
    const server = await startServer({ isSecure, limits, standingOf });
    const event = isSecure ? 'secureConnect' : 'connect';
    const outcomeOf = (socket: Socket): Promise<'served' | 'ended'> => {
      socket.once(event, () => socket.write(get('/x')));
      return new Promise((resolve) => {
        socket.once('data', () => resolve('served'));
        socket.once('close', () => resolve('ended'));
      });
    };
    const openMany = (count: number, from: string) => Array.from({ length: count }, () => server.open(from));
    const count = async (sockets: Socket[]) =>
      (await Promise.all(sockets.map(outcomeOf))).filter((outcome) => outcome === 'served').length;
    const first = openMany(10, '127.0.0.3');
    t.is(await count(first), 5);
    t.is(await count(openMany(10, '127.0.0.4')), 3);
    t.is(await count(openMany(40, '127.0.0.2')), 30);
    t.is(server.refused.filter((refused) => refused === '127.0.0.3 stranger').length, 5);
    t.is(server.refused.filter((refused) => refused === '127.0.0.2 caller').length, 10);
    // When some have gone there is room again.
    const served = first.filter(({ destroyed }) => !destroyed);
    for (const socket of served) socket.destroy();
    let again: Socket;
    do again = server.open('127.0.0.5');
    while ((await outcomeOf(again)) === 'ended');
    t.pass();
  });
}

test('a stranger who opens one connection after the other gets so many a second', async (t) => {
  const server = await startServer({ limits: { newPerStrangerPerSecond: 3 }, standingOf });
  let served = 0;
  for (let index = 0; index < 60 && server.refused.length < 10; index++) {
    const socket = server.open('127.0.0.3');
    socket.write(lastGet);
    if ((await readToEnd(socket)).includes('/last:0')) served++;
  }
  t.true(served >= 3 && server.refused.length > 0, `${served} served, ${server.refused.length} refused`);
});
