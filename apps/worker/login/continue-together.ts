/** Runs work; calls of one job whose work ends at about the same time continue in the same tick. */
export type ContinueTogether = <Result>(job: object, work: () => Promise<Result>) => Promise<Result>;

/**
 * Lets calls of one job that WeChat answers within `maxWaitMs` of each other continue together, so that their next
 * steps share a batch: a step costs mostly its share of the batch. A call that is the only one at work in its job never
 * waits.
 *
 * @param maxWaitMs how long a slow call can hold up the others, in whole milliseconds
 */
export function createContinueTogether(maxWaitMs: number): ContinueTogether {
  const batches = new WeakMap<object, Batch>();
  return async (job, work) => {
    let batch = batches.get(job);
    if (batch === undefined) batches.set(job, (batch = { atWork: 0, waiting: [] }));
    batch.atWork++;
    try {
      return await work();
    } finally {
      batch.atWork--;
      if (batch.atWork === 0) release(batch);
      else await untilReleased(batch, maxWaitMs);
    }
  };
}

/** The calls of a job that are at WeChat or wait for the others. */
interface Batch {
  atWork: number;
  waiting: (() => void)[];
  timer?: NodeJS.Timeout | undefined;
}

function untilReleased(batch: Batch, maxWaitMs: number): Promise<void> {
  batch.timer ??= setTimeout(release, maxWaitMs, batch);
  return new Promise((resolve) => batch.waiting.push(resolve));
}

function release(batch: Batch): void {
  clearTimeout(batch.timer);
  batch.timer = undefined;
  for (const proceed of batch.waiting.splice(0)) proceed();
}
