import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

/** The listening socket, and its orderly end. */
export interface HttpServer {
  readonly port: number;
  isStopping(): boolean;
  /** Answers what is in flight, and asks every client to go elsewhere before its connection ends. */
  close(): Promise<void>;
}

/** A body has to be here by then. */
const requestTimeoutMs = 15_000;
const headersTimeoutMs = 10_000;
/** Longer than what balancers keep idle connections for, so that it is never this side that closes first. */
const keepAliveTimeoutMs = 75_000;
/** For this long answers carry `Connection: close` before idle connections are cut: Node cuts them at once. */
const drainMs = 1500;
const drainStepMs = 50;
const inFlightLimitMs = 10_000;

/** @throws with a clear message if the port can't be had */
export async function listen(
  handle: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const server: Server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      noDelay: true,
    },
    handle,
  );
  const connections = new Set<unknown>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  let stopping = false;
  return {
    port: (server.address() as { port: number }).port,
    isStopping: () => stopping,
    async close() {
      stopping = true;
      const drainUntil = performance.now() + drainMs;
      while (connections.size > 0 && performance.now() < drainUntil) await setTimeout(drainStepMs);
      const closed = once(server, 'close');
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
