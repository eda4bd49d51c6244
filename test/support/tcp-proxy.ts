import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { OnClose } from './closing.ts';

/**
 * - `pass`: bytes go through, each chunk `delayMs` late
 * - `refuse`: nothing listens, so a new connection is refused; those that are open go on
 * - `blackHole`: every byte in either direction is dropped and no connection is closed, as when a cable is pulled. A new
 *   connection is accepted and never hears anything
 */
type Mode = 'pass' | 'refuse' | 'blackHole';

/** Stands between a client and a server and does to their connections what a network does on a bad day. */
export interface TcpProxy {
  readonly port: number;
  /** Open connections of clients. */
  connections(): number;
  /** Everything goes through, from the next byte on. A connection that lost bytes is cut: its peers would wait for ever. */
  pass(): Promise<void>;
  /** Everything goes through, each chunk that much later. */
  delay(delayMs: number): Promise<void>;
  /** Resets the connections that are open now; new ones are as the mode says. */
  cut(): void;
  /** Resets the open connections and refuses new ones, as if the server were down. */
  refuse(): Promise<void>;
  /** Drops all bytes, closes nothing. */
  blackHole(): Promise<void>;
  /**
   * New connections pass again, those of the black hole stay dead without a word: what a firewall does that has forgotten them.
   * Only who notices the silence by himself gets over it.
   */
  passNewOnes(): Promise<void>;
  /** New connections lead to that port from now on, those that stand stay where they are: what a virtual address does in a failover. */
  lead(port: number): void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  hasLost: boolean;
  /** Stays in the black hole for ever. */
  isDead: boolean;
}

/** Listens on 127.0.0.1, on a port of its own, and passes to that port of 127.0.0.1. */
export async function startTcpProxy({ port, onClose }: { port: number; onClose?: OnClose }): Promise<TcpProxy> {
  const links = new Set<Link>();
  let mode: Mode = 'pass';
  let delayMs = 0;
  let upstreamPort = port;

  const isInBlackHole = (link: Link) => mode === 'blackHole' || link.isDead;
  const carry = (link: Link, from: Socket, to: Socket) => {
    let lastChunk = Promise.resolve();
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (isInBlackHole(link)) {
        link.hasLost = true;
        return;
      }
      if (delayMs === 0) {
        if (!to.write(chunk)) from.pause();
        return;
      }
      const due = Date.now() + delayMs;
      // One after the other, so that chunks never overtake each other.
      lastChunk = lastChunk.then(async () => {
        await sleep(Math.max(0, due - Date.now()), undefined, { ref: false });
        if (isInBlackHole(link)) link.hasLost = true;
        else if (to.writable) to.write(chunk);
      });
    });
    to.on('drain', () => from.resume());
    // In a black hole a farewell gets lost like everything else.
    from.on('end', () => {
      if (isInBlackHole(link)) link.hasLost = true;
      else void lastChunk.then(() => to.end());
    });
    // An error is always followed by close.
    from.on('error', () => {});
    from.on('close', () => {
      if (isInBlackHole(link)) link.hasLost = true;
      else void lastChunk.then(() => to.destroy());
      if (link.client.destroyed && link.upstream.destroyed) links.delete(link);
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: upstreamPort, host: '127.0.0.1', allowHalfOpen: true });
    const link: Link = { client, upstream, hasLost: false, isDead: false };
    links.add(link);
    carry(link, client, upstream);
    carry(link, upstream, client);
  });
  const reset = ({ client, upstream }: Link) => {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  };
  const cut = () => links.forEach(reset);
  const listenAt = (at: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listenAt(0);
  const { port: ownPort } = server.address() as AddressInfo;

  const enter = async (next: Mode, nextDelayMs = 0) => {
    mode = next;
    delayMs = nextDelayMs;
    if (next === 'refuse') {
      server.close();
      cut();
      return;
    }
    if (!server.listening) await listenAt(ownPort);
    if (next === 'pass') [...links].filter(({ hasLost }) => hasLost).forEach(reset);
  };
  const passNewOnes = async () => {
    for (const link of links) link.isDead = true;
    mode = 'pass';
  };
  const proxy: TcpProxy = {
    port: ownPort,
    connections: () => [...links].filter(({ client }) => !client.destroyed).length,
    pass: () => enter('pass'),
    delay: (ms) => enter('pass', ms),
    cut,
    refuse: () => enter('refuse'),
    blackHole: () => enter('blackHole'),
    passNewOnes,
    lead: (next) => {
      upstreamPort = next;
    },
    close: async () => {
      await enter('refuse');
    },
  };
  onClose?.(() => proxy.close());
  return proxy;
}
