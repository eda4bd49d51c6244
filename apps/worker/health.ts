import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Registry } from 'prom-client';
import type { GuardLimits } from '../../shared/http/guard.ts';
import { listenGuarded } from '../../shared/http/guarded-server.ts';
import { shareAnswer } from '../../shared/http/shared-answer.ts';
import { healthMethods } from '../../shared/lifecycle/health-methods.ts';

/** `/livez`, `/readyz` and `/metrics` of a worker. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Balancers and monitoring alone ask here: few at a time, and with little. An address that has no connection finds room while others have
 * many; whoever it is is a stranger.
 */
const limits: GuardLimits = {
  connectionsPerCaller: 0,
  connectionsPerStranger: 32,
  strangers: 128,
  firstStrangers: 256,
  newStrangersPerSecond: 1000,
  newFirstStrangersPerSecond: 1000,
  newPerStrangerPerSecond: 500,
  // One stranger may hold a thirty-second of it: 256 kB.
  heldBytes: 8_388_608,
  // A thousand a second at most: a worker is there for log-ins.
  pace: { requestsPerTurn: 1, everyMs: 1 },
};
const maxConnections = 256;
const options = {
  headersTimeout: 5000,
  requestTimeout: 5000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 8192,
  insecureHTTPParser: false,
};
const inactivityTimeoutMs = 60_000;

/** @param findFaults what keeps this worker from working, empty if nothing; asked once a second, as the registry is */
export async function startHealthServer(
  { host, port }: { host: string; port: number },
  registry: Registry,
  findFaults: () => Promise<string[]>,
): Promise<HealthServer> {
  const findFaultsShared = shareAnswer(findFaults);
  const render = shareAnswer(() => registry.metrics());
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
    const sendJson = (status: number, value: unknown) =>
      send(status, 'application/json;charset=utf-8', JSON.stringify(value));
    const routes: Record<string, () => Promise<unknown>> = {
      '/livez': async () => sendJson(200, { status: 'ok' }),
      '/readyz': async () => {
        const reasons = await findFaultsShared();
        return sendJson(
          reasons.length === 0 ? 200 : 503,
          reasons.length === 0 ? { status: 'ok' } : { status: 'unavailable', reasons },
        );
      },
      '/metrics': async () => send(200, registry.contentType, await render()),
    };
    const route = routes[request.url?.split('?')[0] ?? ''];
    if (route === undefined) sendJson(404, { error: 'not_found' });
    else if (!healthMethods.includes(request.method ?? '')) {
      response.setHeader('allow', healthMethods.join(', '));
      sendJson(405, { error: 'method_not_allowed' });
    } else route().catch(() => sendJson(500, { error: 'internal' }));
  };
  const listening = await listenGuarded(
    answer,
    { host, port },
    { options, maxConnections, inactivityTimeoutMs, limits, standingOf: () => 'stranger' },
  );
  const { server } = listening;
  return {
    port: listening.port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
}
