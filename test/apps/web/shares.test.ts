import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import type { FastLaneRoute } from '../../../apps/web/fast-lane/fast-lane.ts';
import { defaultHttpLimits, type HttpLimits } from '../../../apps/web/http/limits.ts';
import { listen } from '../../../apps/web/http/server.ts';
import type { Standing } from '../../../shared/http/places.ts';
import { closeAfterAll } from '../../support/closing.ts';

const onClose = closeAfterAll(test);
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};
/** Callers are 127.0.0.2 and 127.0.0.3. */
const standingOf = (address: string): Standing => (/^127\.0\.0\.[23]$/.test(address) ? 'caller' : 'stranger');

const post = (path: string, length: number, sent = length) =>
  `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`;

/** Node's server behind the guard, and the lane if there is one; requests for /held wait until they are let go. */
async function startServer(limits: Partial<HttpLimits> = {}, fastLane?: FastLaneRoute) {
  const held: ServerResponse[] = [];
  const refused: string[] = [];
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => undefined);
    request.resume().once('end', () => {
      if (request.url?.startsWith('/held')) held.push(response);
      else response.end('served');
    });
  };
  const server = await listen(
    {
      onRequest,
      fastLane,
      standingOf,
      onRefusedConnection: (...told: readonly string[]) => void refused.push(told.join(' ')),
    },
    { host: '127.0.0.1', port: 0 },
    { ...defaultHttpLimits, ...limits },
  );
  onClose(() => server.close());
  const sockets: Socket[] = [];
  onClose(async () => {
    for (const socket of sockets) socket.destroy();
  });
  const open = (from: string): Socket => {
    const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: from });
    sockets.push(socket.on('error', () => undefined).resume());
    return socket;
  };
  const ask = async (from: string, bytes: string): Promise<string> => {
    const socket = open(from);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.write(bytes);
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => undefined);
    socket.destroy();
    return text;
  };
  return { held, refused, open, ask };
}

test('what is answered is not held, though its connection always has a request in hand', async (t) => {
  const { held, open, refused } = await startServer({ heldBytes: 400_000 });
  const socket = open('127.0.0.2');
  for (let index = 0; index < 40 && !socket.destroyed; index++) {
    socket.write(post(`/held-${index}`, 20_000));
    await until(() => held.length === Math.min(index + 1, 2) || socket.destroyed);
    if (index > 0) held.shift()?.end();
  }
  t.false(socket.destroyed);
  t.deepEqual(refused, []);
});

test('strangers hold a small part of what may be held, each and altogether', async (t) => {
  const { open, ask, refused } = await startServer({ heldBytes: 1_600_000 });
  const sockets = Array.from({ length: 60 }, (_, index) => open(`127.0.0.${10 + (index % 10)}`));
  for (const socket of sockets) socket.write(post('/x', 60_000, 40_000));
  // 50 kB each, and 200 kB altogether, beside 4 kB of each connection.
  await until(() => sockets.filter(({ destroyed }) => destroyed).length >= 55);
  t.is(sockets.filter(({ destroyed }) => !destroyed).length, 5);
  t.regex(await ask('127.0.0.2', post('/x', 60_000)), / 200 OK/);
  t.is(refused.filter((told) => told.endsWith(' stranger too_many_bytes')).length, 55);
});

test('a caller holds a quarter at most, and another one is served meanwhile', async (t) => {
  const { open, ask, refused } = await startServer({ heldBytes: 400_000 });
  const sockets = Array.from({ length: 20 }, () => open('127.0.0.2'));
  for (const socket of sockets) socket.write(post('/x', 60_000, 40_000));
  await until(() => sockets.filter(({ destroyed }) => destroyed).length >= 18);
  t.is(sockets.filter(({ destroyed }) => !destroyed).length, 2);
  t.regex(await ask('127.0.0.3', post('/x', 60_000)), / 200 OK/);
  t.is(refused.filter((told) => told === '127.0.0.2 caller too_many_bytes').length, 18);
});

test('what there is no room for is answered 503, if nothing of it was answered', async (t) => {
  const { ask } = await startServer({ heldBytes: 40_000 });
  for (const bytes of [post('/x', 60_000, 50_000), post('/x', 300_000)]) {
    t.regex(
      await ask('127.0.0.2', bytes),
      /^HTTP\/1\.1 503 [^]*Connection: close\r\n\r\n\{"error":"too_many_bytes"\}$/,
    );
  }
});

for (const [title, length] of [
  ['large requests in the lane take turns by address', 40_000],
  ['many small requests in the lane take turns by address', 500],
] as const) {
  test(title, async (t) => {
    const answered: string[] = [];
    const { open } = await startServer(
      {},
      {
        admit: (url, { socket }) => ({ url, caller: { name: socket.remoteAddress ?? '' } as never }),
        answer(_body, _requestId, caller) {
          answered.push(caller?.name ?? '');
          return { status: 200, reason: undefined, body: '{}' };
        },
        check: () => ({ status: 200, reason: undefined, body: '' }),
        bodyLimitBytes: 100_000,
      },
    );
    const flood = Array.from({ length: 150 }, () => open('127.0.0.2'));
    const other = open('127.0.0.3');
    // Each has had a request answered, so that it is the lane's.
    let ready = 0;
    for (const socket of [...flood, other]) socket.once('data', () => ready++).write(post('/mina_auth/', 2));
    await until(() => ready === 151);
    answered.length = 0;
    for (const socket of flood) socket.write(post('/mina_auth/', length));
    other.write(post('/mina_auth/', 10));
    await until(() => answered.length === 151);
    const before = answered.indexOf('127.0.0.3');
    t.true(before >= 0 && before < 140, `${before} of 150`);
  });
}

test('an address without a connection gets one while others hold all places', async (t) => {
  const { open, ask } = await startServer({ connectionsPerStranger: 4, strangers: 8, firstStrangers: 10 });
  const holders = Array.from({ length: 8 }, (_, index) => open(`127.0.0.${10 + (index % 2)}`));
  for (const socket of holders) socket.write(post('/x', 0));
  await Promise.all(holders.map((socket) => once(socket, 'data')));
  const only = open('127.0.0.20');
  only.write(post('/x', 0));
  await once(only, 'data');
  t.is(await ask('127.0.0.20', post('/x', 0)), '', 'no second one');
  const last = open('127.0.0.21');
  last.write(post('/x', 0));
  await once(last, 'data');
  t.is(await ask('127.0.0.22', post('/x', 0)), '', 'the last place is taken');
});

test('a sixth stranger’s health checks succeed while five open 400 a second', async (t) => {
  const { open, ask, refused } = await startServer();
  const attackers = [10, 11, 12, 13, 14].map((last) => `127.0.0.${last}`);
  let opened: Socket[] = [];
  let succeeded = 0;
  for (let index = 0; index < 40; index++) {
    // Each round has the connections of the one before closed, so that it is the rate that is used up, not the places.
    for (const socket of opened) socket.destroy();
    opened = attackers.flatMap((from) => Array.from({ length: 8 }, () => open(from)));
    await setTimeout(80);
    if ((await ask('127.0.0.9', post('/livez', 0))).includes(' 200 OK')) succeeded++;
  }
  t.is(succeeded, 40);
  t.true(refused.filter((told) => told.startsWith('127.0.0.1')).length > 500);
  t.is(refused.filter((told) => told.startsWith('127.0.0.9 ')).length, 0);
});
