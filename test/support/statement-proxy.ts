import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { PacketSplitter } from './mysql-packets.ts';
import { findReservedName } from './reserved-words.ts';

const command = { query: 0x03, prepare: 0x16, execute: 0x17 } as const;

export interface StatementProxy {
  readonly port: number;
  /** Called with the text of each statement that a client runs; a prepared one counts when it is executed. */
  onStatement: ((text: string) => void) | undefined;
  /** Cuts all connections and refuses new ones until restore is called, as if the server were down. */
  readonly cut: () => void;
  readonly restore: () => void;
  readonly close: () => Promise<void>;
}

/**
 * Stands between clients and a MySQL server and reads the statements on their way. So they can be counted for one
 * test file alone on a server that others use as well, with no setting of the server touched.
 * A statement that another supported server would not understand ends the test run of its file.
 */
export async function startStatementProxy(host: string, port: number): Promise<StatementProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;

  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect(port, host);
    const watch = watchConnection((text) => {
      refuseReservedNames(text);
      proxy.onStatement?.(text);
    });
    for (const [socket, peer, read] of [
      [client, upstream, watch.readFromClient],
      [upstream, client, watch.readFromServer],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('data', (chunk: Buffer) => {
        read(chunk);
        if (!peer.write(chunk)) socket.pause();
      });
      socket.on('drain', () => peer.resume());
      socket.on('end', () => peer.end());
      // An error is always followed by close.
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        peer.end();
      });
    }
  });
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const proxy: StatementProxy = {
    port: (server.address() as AddressInfo).port,
    onStatement: undefined,
    cut() {
      isCut = true;
      cutAll();
    },
    restore() {
      isCut = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cutAll();
      }),
  };
  return proxy;
}

/** Commands have the sequence number 0; the answer to a preparation begins with 0 and the statement's number. */
function watchConnection(onStatement: (text: string) => void) {
  const prepared = new Map<number, string>();
  let textInPreparation: string | undefined;
  const fromClient = new PacketSplitter((sequence, payload) => {
    if (sequence !== 0) return;
    // MySQL 8.0.23 and newer are sent query attributes before the text: none (0), in one set (1).
    const hasAttributes = payload[0] === command.query && payload[1] === 0 && payload[2] === 1;
    const text = () => payload.toString('utf8', hasAttributes ? 3 : 1);
    if (payload[0] === command.query) onStatement(text());
    else if (payload[0] === command.prepare) textInPreparation = text();
    else if (payload[0] === command.execute) onStatement(prepared.get(payload.readUInt32LE(1)) ?? 'unknown');
  });
  const fromServer = new PacketSplitter((_sequence, payload) => {
    if (textInPreparation === undefined) return;
    if (payload[0] === 0 && payload.length >= 5) prepared.set(payload.readUInt32LE(1), textInPreparation);
    textInPreparation = undefined;
  });
  return {
    readFromClient: (chunk: Buffer) => fromClient.read(chunk),
    readFromServer: (chunk: Buffer) => fromServer.read(chunk),
  };
}

/** Thrown into no promise: nothing can catch it, and ava reports it. */
function refuseReservedNames(text: string): void {
  const found = findReservedName(text);
  if (found === undefined) return;
  throw new Error(`${found.word} is reserved by ${found.server}; another name for it in: ${text.slice(0, 500)}`);
}
