import { connect, createServer, type AddressInfo } from 'node:net';
import type { OnClose } from './closing.ts';

/** Stands before a Redis whose clock is off by that much: the answers to TIME are another time, everything else passes. */
export async function startTimeShift({
  port,
  seconds,
  onClose,
}: {
  port: number;
  seconds: number;
  onClose: OnClose;
}): Promise<{ port: number }> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const text = chunk
        .toString('latin1')
        .replace(/\*2\r\n\$10\r\n(\d{10})\r\n/g, (_, time: string) => `*2\r\n$10\r\n${Number(time) + seconds}\r\n`);
      client.write(Buffer.from(text, 'latin1'));
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onClose(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.address() as AddressInfo).port };
}
