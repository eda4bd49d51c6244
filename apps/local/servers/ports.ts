import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (Linux: from 32768 on) and that Kubernetes gives to services (from 30000 on):
 * there, a port that was free a moment ago may be somebody's already.
 */
const firstPort = 20_000;
const portCount = 10_000;
/** Processes that run at once begin apart from each other. */
let next = (process.pid * 16) % portCount;
const told = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, and that this process has not been told before: two servers that are started later
 * must not get the same one.
 *
 * @throws when it told all of them
 */
export async function findFreePort(): Promise<number> {
  for (let tried = 0; tried < portCount; tried++) {
    const port = firstPort + next;
    next = (next + 1) % portCount;
    if (told.has(port) || !(await isPortFree(port, '127.0.0.1'))) continue;
    told.add(port);
    return port;
  }
  throw new Error(`No port from ${firstPort} to ${firstPort + portCount - 1} is free.`);
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
