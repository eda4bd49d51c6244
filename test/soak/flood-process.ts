// Floods one door from a process that does nothing else. It sends no more than it is told to, and reads whatever comes back.
import { randomInt } from 'node:crypto';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { anyDigits, type FloodKind, type FloodOrder } from './flood-order.ts';

const bytesAhead = 65_536;
const largeHeadBytes = 15_000;

process.on('message', (order: FloodOrder) => void flood(order).then((answers) => process.send?.(answers)));

async function flood(order: FloodOrder): Promise<number> {
  let answers = 0;
  let isOver = false;
  const sockets = new Set<Socket>();

  /** A connection that is opened again when it ends. */
  const keepOpen = (talk: (socket: Socket) => void, onChunk: (socket: Socket) => void = () => undefined): void => {
    if (isOver) return;
    const address = { port: order.port, host: '127.0.0.1', localAddress: order.from };
    const socket = order.isSecure ? connectTls({ ...address, rejectUnauthorized: false }) : connectPlain(address);
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once(order.isSecure ? 'secureConnect' : 'connect', () => talk(socket));
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf('HTTP/1.1 '); at >= 0; at = chunk.indexOf('HTTP/1.1 ', at + 1)) answers++;
      onChunk(socket);
    });
    socket.once('close', () => {
      sockets.delete(socket);
      setTimeout(() => keepOpen(talk, onChunk), 1);
    });
  };
  const open = (count: number, ...how: Parameters<typeof keepOpen>) => {
    for (let index = 0; index < count; index++) keepOpen(...how);
  };

  const one = () => order.request.replace(anyDigits, () => String(randomInt(1_000_000, 10_000_000)));
  const many = () => Array.from({ length: Math.ceil(bytesAhead / order.request.length) }, one).join('');
  const send = (socket: Socket) => void (socket.writable && socket.write(one()));
  const feed = (socket: Socket): void => {
    if (socket.writable) socket.write(many(), () => setImmediate(feed, socket));
  };
  const largeHead = order.request.replace('\r\n', `\r\nX-Large: ${'x'.repeat(largeHeadBytes)}\r\n`);
  const kinds: Record<FloodKind, () => void> = {
    pipelined: () => open(10, feed),
    deaf: () => open(50, (socket) => feed(socket.pause())),
    'many connections': () => open(500, send, send),
    slow: () =>
      open(1000, (socket) => {
        socket.write(largeHead.slice(0, -20));
        const timer = setInterval(() => socket.writable && socket.write('x'), 500);
        socket.once('close', () => clearInterval(timer));
      }),
    'half-closed': () => open(50, (socket) => socket.end(many())),
    'large heads': () => {
      const ask = (socket: Socket) => void (socket.writable && socket.write(largeHead));
      open(50, ask, ask);
    },
  };
  kinds[order.kind]();
  await new Promise((resolve) => setTimeout(resolve, order.seconds * 1000));
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return answers;
}
