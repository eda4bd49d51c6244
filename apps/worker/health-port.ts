import { setTimeout } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Config } from '../../shared/config/config.ts';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import { describeError, type Log } from '../../shared/log/log.ts';
import { startHealthServer, type HealthServer } from './health.ts';
import type { WorkerReadiness } from './readiness.ts';

const retryMs = 5000;

/**
 * Listens for monitoring, if the worker is to, as soon as the port can be had. A worker works without: one whose port is taken must not end
 * for that, and be started again and again.
 */
export function openHealthPort(
  { http, worker }: Config,
  deps: {
    readonly registry: Registry;
    readonly readiness: WorkerReadiness;
    readonly closer: Closer;
    readonly log: Log;
  },
): void {
  const { registry, readiness, closer, log } = deps;
  if (worker.healthPort === undefined) return;
  const address = { host: http.host, port: worker.healthPort };
  const closing = new AbortController();
  const run = async (): Promise<HealthServer | undefined> => {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      try {
        const server = await startHealthServer(address, registry, readiness.findFaults);
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
  closer.add('health', async () => {
    closing.abort();
    await (await server)?.close();
  });
}
