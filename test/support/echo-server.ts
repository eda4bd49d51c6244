import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OnClose } from './closing.ts';

/** A request as a back end saw it. */
export interface EchoedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface EchoServer {
  readonly port: number;
  /** All requests so far. */
  readonly requests: readonly EchoedRequest[];
}

/** A back end that answers every request with what it saw; `/broken` with a 500 of its own. */
export async function startEchoServer(onClose: OnClose): Promise<EchoServer> {
  const requests: EchoedRequest[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const seen = { method, path, headers, body };
      requests.push(seen);
      response.writeHead(path === '/broken' ? 500 : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(seen));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  onClose(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { port: (server.address() as AddressInfo).port, requests };
}
