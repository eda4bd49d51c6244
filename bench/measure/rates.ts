import type { Bench } from '../bench.ts';
import { loadPaced, type PacedOptions, type PacedResult } from '../load/paced.ts';
import type { Measurement } from './result.ts';
import { measureSide, type Side } from './side.ts';

/** Under full load fresh processes take this long to get through what piles up while their code is cold. */
const leastWarmUpSeconds = 6;
/** Short of this a full queue's own waiting time falsifies the rate. */
const leastPeakSeconds = 6;

/** A load was not answered with successes alone. */
class FailedLoadError extends Error {
  override name = 'FailedLoadError';

  constructor(what: string, errors: number, sample: string | undefined) {
    super(`${what}: ${errors} answers were no success, such as: ${sample ?? 'none'}`);
  }
}

/** The rate that a side reaches under full load, after a warm-up. @throws if any answer is no success */
export async function findPeak(
  bench: Bench,
  what: string,
  side: Side,
  cores: PacedOptions['cores'],
): Promise<Measurement> {
  bench.progress.step(`${what}: warming up`);
  await measureSide(bench, side, Math.max(bench.warmUpSeconds, leastWarmUpSeconds), cores);
  bench.progress.step(`${what}: full load`);
  const measured = await measureSide(bench, side, Math.max(bench.roundSeconds, leastPeakSeconds), cores);
  if (measured.errors > 0) throw new FailedLoadError(what, measured.errors, measured.errorSample);
  return measured;
}

/** A load at a given rate. @throws if any answer is no success */
export async function pace(
  bench: Bench,
  what: string,
  options: Omit<PacedOptions, 'firstNumber' | 'seconds' | 'maxConnections'>,
): Promise<PacedResult> {
  bench.progress.step(`${what}: ${Math.round(options.requestsPerSecond)}/s`);
  const result = await loadPaced({
    ...options,
    seconds: bench.roundSeconds,
    maxConnections: 1000,
    firstNumber: bench.numbers.next(),
  });
  bench.numbers.use(result.requests);
  if (result.errors > 0) throw new FailedLoadError(what, result.errors, result.errorSample);
  return result;
}
