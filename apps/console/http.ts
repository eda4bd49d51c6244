import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { ClientList } from '../../shared/config/client-list.ts';
import type { GuardLimits } from '../../shared/http/guard.ts';
import { listenGuarded } from '../../shared/http/guarded-server.ts';

/** The listening socket, and its orderly end. */
export interface ConsoleServer {
  readonly port: number;
  /** Answers what is in flight, ends streams, then every connection. */
  close(): Promise<void>;
}

/** A browser has six connections to one name, and a few people share an address. */
const limits: GuardLimits = {
  connectionsPerCaller: 0,
  connectionsPerStranger: 64,
  strangers: 512,
  firstStrangers: 768,
  newStrangersPerSecond: 500,
  newFirstStrangersPerSecond: 1000,
  newPerStrangerPerSecond: 100,
  heldBytes: 16_777_216,
  pace: { requestsPerTurn: 8, everyMs: 0 },
};
const maxConnections = 1024;
const options = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16_384,
  insecureHTTPParser: false,
};
/** Longer than the time between two lines of a stream on which nothing happens. */
const inactivityTimeoutMs = 60_000;
const inFlightLimitMs = 5000;

/**
 * @param stopping is aborted when the server begins to close, which ends streams
 * @throws with a clear message if the port can't be had
 */
export async function listen(
  onRequest: RequestListener,
  { host, port, trustedProxies }: { readonly host: string; readonly port: number; readonly trustedProxies: ClientList },
  stopping: AbortController,
): Promise<ConsoleServer> {
  const listening = await listenGuarded(
    onRequest,
    { host, port },
    {
      options,
      maxConnections,
      inactivityTimeoutMs,
      limits,
      standingOf: (address) => (trustedProxies.has(address) ? 'proxy' : 'stranger'),
    },
  );
  const { server } = listening;
  return {
    port: listening.port,
    async close() {
      stopping.abort();
      const closed = once(server, 'close');
      server.close();
      const limit = new AbortController();
      const late = setTimeout(inFlightLimitMs, undefined, { signal: limit.signal }).catch(() => undefined);
      await Promise.race([closed, late]);
      limit.abort();
      server.closeAllConnections();
    },
  };
}
