import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';

import { canConnect } from './can-connect.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** A proxy before a server that sends back what it gets, and connects a client to it. */
async function startEcho(t: ExecutionContext) {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received.push(String(chunk));
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const proxy = await startTcpProxy({
    port: (server.address() as AddressInfo).port,
    onClose: (close) => t.teardown(close),
  });
  const open = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    t.teardown(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  return { proxy, received, open };
}

async function echo(socket: Socket, text: string): Promise<string> {
  const heard = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(text);
  return String((await heard)[0]);
}

test('bytes pass in both directions, late ones too', async (t) => {
  const { proxy, open } = await startEcho(t);
  const socket = await open();
  t.is(await echo(socket, 'now'), 'now');
  await proxy.delay(20);
  t.is(await echo(socket, 'late'), 'late');
  t.is(proxy.connections(), 1);
});

test('a cut resets what is open, and a new connection works', async (t) => {
  const { proxy, open } = await startEcho(t);
  const socket = await open();
  t.is(await echo(socket, 'before'), 'before');
  const failed = once(socket, 'error') as unknown as Promise<[NodeJS.ErrnoException]>;
  proxy.cut();
  t.is((await failed.catch((error: NodeJS.ErrnoException) => [error]))[0]?.code, 'ECONNRESET');
  t.is(await echo(await open(), 'after'), 'after');
});

test('a refusing proxy is a port on which nothing listens, until it passes again', async (t) => {
  const { proxy, open } = await startEcho(t);
  await proxy.refuse();
  t.false(await canConnect(proxy.port));
  await proxy.pass();
  t.is(await echo(await open(), 'back'), 'back');
});

test('a black hole delivers nothing, and afterwards what lost bytes is cut', async (t) => {
  const { proxy, received, open } = await startEcho(t);
  const quiet = await open();
  const old = await open();
  t.is(await echo(old, 'before'), 'before');
  await proxy.blackHole();
  const late = await open();
  for (const socket of [old, late]) {
    socket.on('data', () => t.fail('heard something'));
    socket.on('error', () => {});
    socket.write('lost');
  }
  await until('both are swallowed', () => [old, late].every(({ writableLength }) => writableLength === 0));
  // The proxy has read what was sent before this connection came.
  await open();
  t.deepEqual(received, ['before']);
  t.false(old.destroyed || late.destroyed);

  await proxy.pass();
  await until('both are reset', () => old.destroyed && late.destroyed);
  t.is(await echo(quiet, 'lost nothing'), 'lost nothing');
});

test('connections of a black hole can stay dead while new ones pass', async (t) => {
  const { proxy, received, open } = await startEcho(t);
  const old = await open();
  t.is(await echo(old, 'before'), 'before');
  await proxy.blackHole();
  await proxy.passNewOnes();
  old.on('data', () => t.fail('heard something'));
  old.write('lost');
  t.is(await echo(await open(), 'new'), 'new');
  t.deepEqual(received, ['before', 'new']);
  t.false(old.destroyed);
});
