import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { OnClose } from './closing.ts';

/** Listens with the shortest queue, and passes what it accepts to a port of 127.0.0.1. */
const listener = `
const { createServer, connect } = require('node:net');
const [address, upstream] = process.argv.slice(1);
const server = createServer((client) => {
  const server = connect(Number(upstream), '127.0.0.1');
  for (const [one, other] of [[client, server], [server, client]])
    one.on('error', () => {}).on('close', () => other.destroy()).pipe(other);
});
server.listen({ host: address, port: 0, backlog: 1 }, () => console.log(server.address().port));`;

const queueLength = 3;

/** An address behind a way so long that a connection takes a second or more: SYNs are dropped meanwhile. */
export interface FarAddress {
  readonly port: number;
  /** From now on packets get lost there. */
  close(): Promise<void>;
  /** What arrives after this is answered; the kernel sends a SYN again after a second. */
  open(): void;
}

export async function startFarAddress(address: string, upstreamPort: number, onClose: OnClose): Promise<FarAddress> {
  const child = spawn(process.execPath, ['-e', listener, address, String(upstreamPort)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  onClose(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const fillers = new Set<ReturnType<typeof connect>>();
  onClose(async () => fillers.forEach((socket) => socket.destroy()));
  return {
    port,
    async close() {
      child.kill('SIGSTOP');
      // Those that the kernel takes into the queue; the next ones wait for ever.
      for (let count = 0; count < queueLength; count++) {
        const filler = connect(port, address);
        filler.on('error', () => undefined);
        fillers.add(filler);
        await Promise.race([once(filler, 'connect'), new Promise((resolve) => setTimeout(resolve, 200))]);
      }
    },
    open() {
      child.kill('SIGCONT');
      fillers.forEach((socket) => socket.destroy());
      fillers.clear();
    },
  };
}

/** Gives a name these addresses, for this process. */
export function nameHost(name: string, addresses: readonly string[], onClose: OnClose): void {
  const { lookup } = dns;
  onClose(async () => void (dns.lookup = lookup));
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const double = (host: string, options: { all?: boolean }, done: (...answer: unknown[]) => void): void => {
    if (host !== name) return (lookup as unknown as typeof double)(host, options, done);
    process.nextTick(() => (options.all === true ? done(null, all) : done(null, all[0]?.address, all[0]?.family)));
  };
  dns.lookup = double as unknown as typeof lookup;
}
