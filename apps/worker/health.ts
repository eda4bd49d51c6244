import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { Registry } from 'prom-client';
import { healthMethods } from '../../shared/lifecycle/health-methods.ts';

/** `/livez`, `/readyz` and `/metrics` of a worker. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** @param findFaults what keeps this worker from working, empty if nothing */
export async function startHealthServer(
  { host, port }: { host: string; port: number },
  registry: Registry,
  findFaults: () => Promise<string[]>,
): Promise<HealthServer> {
  const server: Server = createServer((request, response) => {
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
    const sendJson = (status: number, value: unknown) =>
      send(status, 'application/json;charset=utf-8', JSON.stringify(value));
    const routes: Record<string, () => Promise<unknown>> = {
      '/livez': async () => sendJson(200, { status: 'ok' }),
      '/readyz': async () => {
        const reasons = await findFaults();
        return sendJson(
          reasons.length === 0 ? 200 : 503,
          reasons.length === 0 ? { status: 'ok' } : { status: 'unavailable', reasons },
        );
      },
      '/metrics': async () => send(200, registry.contentType, await registry.metrics()),
    };
    const route = routes[request.url?.split('?')[0] ?? ''];
    if (route === undefined) sendJson(404, { error: 'not_found' });
    else if (!healthMethods.includes(request.method ?? '')) {
      response.setHeader('allow', healthMethods.join(', '));
      sendJson(405, { error: 'method_not_allowed' });
    } else route().catch(() => sendJson(500, { error: 'internal' }));
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => undefined);
    },
  };
}
