import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { OnClose } from './closing.ts';

/** A server of DNS for a few names. */
export interface TestDns {
  /** As `setServers` takes it. */
  readonly address: string;
  /** The names that were asked for, in turn; each for both families. */
  readonly asked: string[];
}

const typeA = 1;
const noSuchName = 3;

/** @param names their addresses of IPv4; `silent`: nobody ever answers. Any other name is said not to be there. */
export async function startTestDns(
  names: Readonly<Record<string, readonly string[] | 'silent'>>,
  onClose: OnClose,
): Promise<TestDns> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  onClose(async () => void socket.close());
  socket.on('message', (message, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
      labels.push(message.toString('ascii', at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join('.').toLowerCase();
    const type = message.readUInt16BE(at + 1);
    asked.push(name);
    const known = names[name];
    if (known === 'silent') return;
    const addresses = type === typeA ? (known ?? []) : [];
    const head = Buffer.from(message.subarray(0, 12));
    head.writeUInt16BE(0x8180 + (known === undefined ? noSuchName : 0), 2);
    for (const [offset, count] of [1, addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + offset * 2);
    const records = addresses.map((address) =>
      Buffer.from([0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
    );
    socket.send(Buffer.concat([head, message.subarray(12, at + 5), ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}
