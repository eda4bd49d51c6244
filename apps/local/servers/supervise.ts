import { setTimeout as sleep } from 'node:timers/promises';

import { readTail, type ServerProcess } from './server-process.ts';

const firstDelayMs = 1000;
const longestDelayMs = 30_000;
/** A process that lived this long starts again with the shortest delay. */
const stableAfterMs = 60_000;

export interface Supervised {
  /** Ends the process and does not start it again. */
  readonly stop: () => Promise<void>;
}

export interface SuperviseOptions<Server extends ServerProcess> {
  /** As the user reads it. */
  name: string;
  /** Called at once, and, with the first process, each time that it has ended by itself. */
  start: (first?: Server) => Promise<Server>;
  logFile: string;
  log: (line: string) => void;
}

/** Keeps a process running: says so when it ends, with the end of its log, and starts it again, ever more slowly. */
export async function supervise<Server extends ServerProcess>(
  options: SuperviseOptions<Server>,
): Promise<Supervised & { readonly first: Server }> {
  const { name, start, logFile, log } = options;
  const stopping = new AbortController();
  const first = await start();
  let current: Server | undefined = first;

  const keepRunning = async () => {
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      const startedAt = Date.now();
      await current?.exited;
      if (stopping.signal.aborted) return;
      delayMs = Date.now() - startedAt > stableAfterMs ? firstDelayMs : delayMs;
      log(
        `${name} ended unexpectedly; starting it again in ${delayMs / 1000} s. The end of ${logFile}:\n${readTail(logFile)}`,
      );
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
      delayMs = Math.min(delayMs * 2, longestDelayMs);
      if (stopping.signal.aborted) return;
      current = await start(first).catch((error: unknown) => {
        log(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      });
      if (current) log(`${name} is running again`);
    }
  };
  const running = keepRunning();
  return {
    first,
    async stop() {
      stopping.abort();
      await current?.stop();
      await running;
      // It may have been in the middle of a start.
      await current?.stop();
    },
  };
}
