import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OnClose } from './closing.ts';

/** Any HTTP server on a port of its own. @returns its address */
/** Any HTTP server on a port of its own. @returns its address */
export async function listen(handle: RequestListener, onClose: OnClose): Promise<string> {
  const server: Server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onClose(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
