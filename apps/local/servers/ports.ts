import { createServer, type AddressInfo } from 'node:net';

const found = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, and that this process has not been told before: two servers that are started later
 * must not get the same one.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = await bindAnyPort();
    if (found.has(port)) continue;
    found.add(port);
    return port;
  }
}

function bindAnyPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** True when nothing listens on the port of that address. Other errors (no permission, no such address) are thrown. */
export function isPortFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
