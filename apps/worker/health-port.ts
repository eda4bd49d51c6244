import { setTimeout } from 'node:timers/promises';
import { describeError, type Log } from '../../shared/log/log.ts';
import type { HealthServer } from './health.ts';

const retryMs = 5000;

/**
 * Listens for monitoring as soon as the port can be had. A worker works without: one whose port is taken must not end for that, and be
 * started again and again.
 */
export function openHealthPort(
  address: { readonly host: string; readonly port: number },
  start: (address: { host: string; port: number }) => Promise<HealthServer>,
  log: Log,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const run = async (): Promise<HealthServer | undefined> => {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      try {
        const server = await start(address);
        log.info({ port: server.port }, 'health server listens');
        return server;
      } catch (error) {
        if (attempt === 0)
          log.warn(
            { err: describeError(error), ...address },
            'no health server: the port can not be had. The worker works without, and tries again every 5 s',
          );
      }
      await setTimeout(retryMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  };
  const server = run();
  return {
    async close() {
      closing.abort();
      await (await server)?.close();
    },
  };
}
