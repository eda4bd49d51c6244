import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { answerBrokenRequest, refuseExpectation } from './middleware/broken-request.ts';
import { untilConnectionEnds } from './middleware/ending-connection.ts';

/** The listening socket, and its orderly end. */
export interface HttpServer {
  readonly port: number;
  isStopping(): boolean;
  /** Answers what is in flight, and asks every client to go elsewhere before its connection ends. */
  close(): Promise<void>;
}

/** What one client may cost. */
export interface HttpLimits {
  /** A request with its body has to be here by then. */
  readonly requestTimeoutMs: number;
  /** Its headers by then, counted from the start of a connection too. */
  readonly headersTimeoutMs: number;
  /** Longer than what balancers keep idle connections for, so that it is never this side that closes first. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves although a request is in flight, such as one whose client does not read, ends. */
  readonly inactivityTimeoutMs: number;
  /** How often late clients are looked for: they live that much longer. */
  readonly checkEveryMs: number;
  /** Connections at once; more are closed at once. Each costs about 10 kB, and a file descriptor that Redis may need. */
  readonly maxConnections: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestTimeoutMs: 15_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  inactivityTimeoutMs: 60_000,
  checkEveryMs: 2000,
  maxConnections: 16_000,
};

/** All headers of a request together; more is 431. */
const maxHeaderBytes = 16_384;
/** For this long answers carry `Connection: close` before idle connections are cut: Node cuts them at once. */
const drainMs = 1500;
const drainStepMs = 50;
/** Whoever has just opened a connection is about to ask something, and must not be cut for being slow at it. */
const freshMs = 1000;
const inFlightLimitMs = 10_000;

export interface RequestHandlers {
  readonly onRequest: RequestListener;
  /** For requests that send their body only when told to, with `Expect: 100-continue`. */
  readonly onExpectContinue: RequestListener;
}

/** Node's own mark for a connection with a request in hand; it has no other that can be read of a single one. */
const isAnswering = (socket: Socket): boolean =>
  Boolean((socket as { _httpMessage?: ServerResponse | null })._httpMessage);

interface Accepted {
  readonly at: number;
  /** With the handshake, over TLS. */
  readonly bytesRead: number;
}

const isFresh = (socket: Socket, { at, bytesRead }: Accepted): boolean =>
  socket.bytesRead === bytesRead && performance.now() - at < freshMs;

/** @throws with a clear message if the port can't be had */
export async function listen(
  { onRequest, onExpectContinue }: RequestHandlers,
  { host, port, certificate }: { host: string; port: number; certificate?: Certificate | undefined },
  limits: HttpLimits = defaultHttpLimits,
): Promise<HttpServer> {
  const options = {
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    maxHeaderSize: maxHeaderBytes,
    // Whatever NODE_OPTIONS say: a lenient parser is what smuggling of requests lives on.
    insecureHTTPParser: false,
    noDelay: true,
  };
  const server: Server =
    certificate === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...certificate.options, handshakeTimeout: limits.headersTimeoutMs });
  server.on('request', untilConnectionEnds(onRequest));
  server.on('checkContinue', untilConnectionEnds(onExpectContinue));
  server.on('checkExpectation', untilConnectionEnds(refuseExpectation));
  server.on('clientError', answerBrokenRequest);
  server.maxConnections = limits.maxConnections;
  server.setTimeout(limits.inactivityTimeoutMs);
  const connections = new Map<Socket, Accepted>();
  server.on(certificate === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.set(socket, { at: performance.now(), bytesRead: socket.bytesRead });
    socket.once('close', () => connections.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const watching = certificate?.watch((renewed) => (server as TlsServer).setSecureContext(renewed));
  let stopping = false;
  return {
    port: (server.address() as { port: number }).port,
    isStopping: () => stopping,
    async close() {
      stopping = true;
      watching?.stop();
      const drainUntil = performance.now() + drainMs;
      while (connections.size > 0 && performance.now() < drainUntil) await setTimeout(drainStepMs);
      const closed = once(server, 'close');
      // Of http's `close` only that no connection comes in any more: it would end all idle ones at a stretch, and with them the requests
      // that came in meanwhile. One at a time, each right after the event loop has read what had come in, a request that is here makes
      // its connection no idle one.
      NetServer.prototype.close.call(server);
      let freshCount: number;
      do {
        await setTimeout(drainStepMs);
        freshCount = 0;
        for (const [socket, accepted] of connections) {
          await setImmediate();
          if (isFresh(socket, accepted)) freshCount++;
          else if (!isAnswering(socket)) socket.destroy();
        }
      } while (freshCount > 0);
      server.close();
      const limit = new AbortController();
      await Promise.race([
        closed,
        setTimeout(inFlightLimitMs, undefined, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
      server.closeAllConnections();
    },
  };
}
