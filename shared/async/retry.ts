import { setTimeout } from 'node:timers/promises';

const retryMs = 500;

/** Does it again until it succeeds: for a start that waits for a store, or for rights in it. @throws when `signal` aborts */
export async function untilDone<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch {
      await setTimeout(retryMs, undefined, { signal });
    }
  }
}
