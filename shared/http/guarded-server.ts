import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { guardServer, type GuardLimits } from './guard.ts';
import type { Standing } from './places.ts';

/** How a server of Node's own treats its connections. */
export interface GuardedServerOptions {
  readonly options: ServerOptions;
  readonly maxConnections: number;
  readonly inactivityTimeoutMs: number;
  readonly limits: GuardLimits;
  readonly standingOf: (address: string) => Standing;
}

/**
 * Listens behind a guard, with every connection that it lets in served by Node.
 * @param port 0: any. @throws if the port can't be had
 */
export async function listenGuarded(
  onRequest: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
  { options, maxConnections, inactivityTimeoutMs, limits, standingOf }: GuardedServerOptions,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(options, onRequest);
  server.maxConnections = maxConnections;
  server.setTimeout(inactivityTimeoutMs);
  const guard = guardServer(server, false, {
    limits,
    standingOf,
    onRefused: () => undefined,
    onConnection: (socket, peer) => void guard.serveByNode(socket, peer),
  });
  server.listen(port, host);
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}
