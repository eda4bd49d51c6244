import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { guardServer, type RefusedConnection } from '../../../shared/http/guard.ts';
import type { PacedConnection } from '../../../shared/http/paced-reading.ts';
import type { Standing } from '../../../shared/http/places.ts';
import { createInFlight } from '../../../shared/async/in-flight.ts';
import type { Certificate } from './certificate.ts';
import { createFastLane, type FastLaneRoute, type Lane } from '../fast-lane/fast-lane.ts';
import { defaultHttpLimits, maxHeaderBytes, type HttpLimits } from './limits.ts';
import { answerBrokenRequest, refuseExpectation } from '../middleware/broken-request.ts';
import { untilConnectionEnds } from '../middleware/ending-connection.ts';
import { noteExpectation } from '../middleware/expectation.ts';

/** The listening socket, and its orderly end. */
export interface HttpServer {
  readonly port: number;
  /** Answers what is in flight, and asks every client to go elsewhere before its connection ends. */
  close(): Promise<void>;
}

/** For this long answers carry `Connection: close` before idle connections are cut: Node cuts them at once. */
const drainMs = 1500;
const drainStepMs = 50;
/** Grace for new connections: one that has not sent its first request yet is not closed as idle. */
const freshMs = 1000;
const inFlightLimitMs = 10_000;
/** Connections that the system keeps until they are taken. Node's 511 are full at once in a flood, and who comes then tries again a second later. */
const backlog = 4096;

export interface RequestHandlers {
  /** Also for requests that wait to be told to send their body (middleware/expectation.ts). */
  readonly onRequest: RequestListener;
  /** What need not be read by Node. */
  readonly fastLane?: FastLaneRoute | undefined;
  /** What the address of a connection may be; left out: a caller, whoever it is. */
  readonly standingOf?: (address: string) => Standing;
  /** A connection was ended because its address has enough of them, or sent too much. */
  readonly onRefusedConnection?: (address: string, standing: Standing, reason: RefusedConnection) => void;
}

interface Accepted {
  readonly socket: Socket;
  lane: Lane | undefined;
  /** undefined: it is in the lane. */
  paced: PacedConnection | undefined;
  readonly at: number;
  /** With the handshake, over TLS. */
  readonly bytesRead: number;
}

const isFresh = ({ socket, at, bytesRead }: Accepted): boolean =>
  socket.bytesRead === bytesRead && performance.now() - at < freshMs;

/**
 * @param stopping is aborted when the server begins to close: from then on answers are the last of their connections
 * @throws with a clear message if the port can't be had
 */
export async function listen(
  { onRequest, fastLane, standingOf = () => 'caller', onRefusedConnection = () => undefined }: RequestHandlers,
  { host, port, certificate }: { host: string; port: number; certificate?: Certificate | undefined },
  limits: HttpLimits = defaultHttpLimits,
  stopping = new AbortController(),
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
  server.on('checkContinue', untilConnectionEnds(noteExpectation(onRequest)));
  server.on('checkExpectation', untilConnectionEnds(refuseExpectation));
  server.on('clientError', answerBrokenRequest);
  // Before it is a clientError: in a handshake nothing can be written, and what waits to be written keeps the connection for ever.
  server.prependListener('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  server.maxConnections = limits.maxConnections;
  // Node leaves out what follows the first thousand, such as what a proxy says of its client. Their bytes are bounded.
  server.maxHeadersCount = 0;
  server.setTimeout(limits.inactivityTimeoutMs);
  /**
   * Keyed by number, not by socket: InFlight keeps its keys alive, and some clients open a connection for each request.
   */
  const connections = createInFlight<number, Accepted>();
  let lastConnection = 0;
  const guard = guardServer(server, certificate !== undefined, {
    limits,
    standingOf,
    onRefused: onRefusedConnection,
    onConnection(socket, peer) {
      const serveByNode = () => {
        accepted.paced = guard.serveByNode(socket, peer);
      };
      const accepted: Accepted = {
        socket,
        lane: undefined,
        paced: undefined,
        at: performance.now(),
        bytesRead: socket.bytesRead,
      };
      accepted.lane = enterLane?.(socket, peer, serveByNode);
      if (accepted.lane === undefined) serveByNode();
      const key = ++lastConnection;
      connections.add(key, accepted);
      socket.once('close', () => connections.take(key));
    },
  });
  const enterLane = fastLane && createFastLane(fastLane, limits, guard, stopping.signal);
  server.listen({ port, host, backlog });
  await once(server, 'listening');
  const watching = certificate?.watch((renewed) => (server as TlsServer).setSecureContext(renewed));
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      stopping.abort();
      watching?.stop();
      const drainUntil = performance.now() + drainMs;
      while (connections.size() > 0 && performance.now() < drainUntil) await setTimeout(drainStepMs);
      const closed = once(server, 'close');
      // Of http's `close` only that no connection comes in any more: it would end all idle ones at a stretch, and with them the requests
      // that came in meanwhile. One at a time, each right after the event loop has read what had come in, a request that is here makes
      // its connection no idle one.
      NetServer.prototype.close.call(server);
      let freshCount: number;
      do {
        await setTimeout(drainStepMs);
        freshCount = 0;
        for (const key of connections.keys()) {
          await setImmediate();
          const accepted = connections.get(key);
          if (accepted === undefined) continue;
          const { socket, lane, paced } = accepted;
          if (isFresh(accepted)) freshCount++;
          else if (!lane?.isAnswering() && !paced?.isBusy()) socket.destroy();
        }
      } while (freshCount > 0);
      guard.endHandshakes();
      server.close();
      const limit = new AbortController();
      await Promise.race([
        closed,
        setTimeout(inFlightLimitMs, undefined, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
      for (const key of connections.keys()) connections.get(key)?.socket.destroy();
    },
  };
}
