import type { Bench } from '../bench.ts';
import { loadPaced, type PacedOptions, type PacedResult } from '../load/paced.ts';

/**
 * For so long at least a full load warms up, since fresh processes take a while to get through what piles up while their code is
 * cold, and is measured: short of this a full queue's own waiting time falsifies the rate.
 */
export const leastSeconds = 6;

/** @throws if any answer was no success */
export function failOnErrors(what: string, { errors, errorSample }: { errors: number; errorSample?: string }): void {
  if (errors > 0) throw new Error(`${what}: ${errors} answers were no success, such as: ${errorSample ?? 'none'}`);
}

/** What a paced load is aimed at. */
type Target = Pick<PacedOptions, 'urls' | 'shares' | 'cores' | 'turn'>;

const fullLoad = (target: Target, maxConnections: number, settleSeconds = 0) =>
  ({ ...target, requestsPerSecond: 'peak', settleSeconds, maxConnections }) as const;

/**
 * Full load, until the code that is measured afterwards is warm. Refusals do not matter yet: cold code is slow, and full load more than it can do.
 * @param times how many times as long as usual
 */
export async function warmUp(
  bench: Bench,
  what: string,
  target: Target,
  { connections, times }: { connections: number; times: number },
): Promise<void> {
  await run(
    bench,
    `${what}: warming up`,
    fullLoad(target, connections),
    Math.max(bench.warmUpSeconds, leastSeconds) * times,
  );
}

/**
 * The rate that is reached under full load, in requests per second. Measured with the generator that then sends a share of it: on a machine of
 * few cores another one would leave more of them to the server, or less. And in each round anew: where neighbours take of the machine a rate
 * that was 70 % of the peak is 100 % of it some minutes later.
 * @param settleSeconds of that load that are not counted
 * @throws if any answer is no success
 */
export async function findPeak(
  bench: Bench,
  what: string,
  target: Target,
  connections: number,
  settleSeconds = 0,
): Promise<number> {
  const seconds = Math.max(bench.roundSeconds, leastSeconds);
  const step = `${what}: full load`;
  const result = await run(bench, step, fullLoad(target, connections, settleSeconds), seconds);
  failOnErrors(step, result);
  return result.requests / seconds;
}

/** Of a paced load, as a reverse proxy keeps them to a server. Who finds none free waits, and the wait counts. */
const pacedConnections = 256;

/**
 * A load at a given rate.
 * @param settleSeconds of that load that are not counted; its climb never is
 * @throws if any answer is no success
 */
export async function pace(
  bench: Bench,
  what: string,
  target: Target,
  requestsPerSecond: number,
  settleSeconds = 0,
): Promise<PacedResult> {
  const step = `${what}: ${Math.round(requestsPerSecond)}/s`;
  const result = await run(
    bench,
    step,
    { ...target, requestsPerSecond, settleSeconds, maxConnections: pacedConnections },
    bench.roundSeconds,
  );
  failOnErrors(step, result);
  return result;
}

async function run(
  bench: Bench,
  step: string,
  options: Omit<PacedOptions, 'firstNumber' | 'seconds'>,
  seconds: number,
): Promise<PacedResult> {
  bench.progress.step(step);
  const result = await loadPaced({ ...options, seconds, firstNumber: bench.numbers.next() });
  bench.numbers.use(result.sent);
  return result;
}
