// One paced load, in a process of its own: options on standard input, the result on standard output.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createRandom } from '../data/draws.ts';
import { percentile } from '../measure/statistics.ts';
import { createConnection, type Connection } from './connection.ts';
import type { PacedOptions, PacedResult } from './paced.ts';
import { createRenderer } from './render.ts';
import { requestParts } from './source.ts';

/** This process is cold itself: what it measures at first is mostly that. The rate climbs meanwhile, so that nothing piles up. */
const climbMs = 2000;

const { urls, shares, requestsPerSecond, settleSeconds, seconds, maxConnections, firstNumber } = JSON.parse(
  await text(process.stdin),
) as PacedOptions;
const sources = shares.map(({ source, share }) => {
  const render = createRenderer(source, readFileSync(source.recordsFile));
  const parts = requestParts(source);
  return {
    share,
    due: 0,
    expect: source.expect,
    latencies: [] as number[],
    next: (number: number) => render(parts, number),
  };
});

/** The source that is furthest behind its share. */
function choose() {
  for (const source of sources) source.due += source.share;
  const chosen = sources.reduce((best, source) => (source.due > best.due ? source : best));
  chosen.due -= 1;
  return chosen;
}

let errors = 0;
let errorSample: string | undefined;
let number = firstNumber;
let inFlight = 0;
const perUrl = Math.ceil(maxConnections / urls.length);
/** Open from the start, as behind a reverse proxy: those of a server that stands still for a moment would come all at once. */
const pools = urls.map((url) => {
  const target = new URL(url);
  const unused = Array.from({ length: perUrl }, () => createConnection(target));
  return { url: target, unused, idle: [] as Connection[], open: perUrl, waiting: createWaitingLine() };
});

/**
 * Times since when somebody waits, in their order. The first of an array costs as much to take as the array is long: where a server once
 * stood still this process was what never caught up.
 */
function createWaitingLine() {
  let times: number[] = [];
  let first = 0;
  return {
    length: () => times.length - first,
    push: (since: number) => void times.push(since),
    shift(): number | undefined {
      const since = times[first++];
      if (first >= times.length) [times, first] = [[], 0];
      return since;
    },
  };
}

const countWaiting = () => pools.reduce((sum, { waiting }) => sum + waiting.length(), 0);

/** Those that nothing was asked on yet come first: a server ends them after a few seconds, and may do so while the request is on its way. */
function takeIdle({ unused, idle }: (typeof pools)[number]): Connection | undefined {
  return unused.pop() ?? idle.pop();
}

function send(pool: (typeof pools)[number], since: number): void {
  const source = choose();
  const connection = takeIdle(pool) ?? (pool.open++, createConnection(pool.url));
  inFlight++;
  connection.send(source.next(number++), (answer) => {
    inFlight--;
    if (answer?.includes(source.expect) === true) {
      if (since >= countedFrom) source.latencies.push(performance.now() - since);
    } else {
      errors++;
      errorSample ??= answer ?? 'no answer';
    }
    if (answer === undefined) pool.open--;
    else pool.idle.push(connection);
    const next = pool.waiting.shift();
    if (next !== undefined) send(pool, next);
    if (requestsPerSecond === 'peak') setImmediate(sendWhatIsDue);
  });
}

const random = createRandom(firstNumber + 1);
const started = performance.now();
const countedFrom = started + Math.max(climbMs, settleSeconds * 1000);
const endAt = countedFrom + seconds * 1000;
let nextAt = started;
let turn = 0;
/** Arrivals as of many independent clients: the pauses between two are exponential. */
function isNextDue(now: number): boolean {
  if (now >= endAt) return false;
  if (requestsPerSecond === 'peak') return inFlight + countWaiting() < maxConnections;
  if (nextAt > now) return false;
  const climbed = Math.min((nextAt - started + 1) / climbMs, 1);
  nextAt += Math.min((-Math.log(1 - random()) * 1000) / (requestsPerSecond * climbed), climbMs / 10);
  return nextAt < endAt;
}
function sendWhatIsDue(): void {
  const now = performance.now();
  while (isNextDue(now)) {
    const pool = pools[turn++ % pools.length] as (typeof pools)[number];
    // Who finds no connection waits, and the wait counts: a slow server can't thin out the load.
    if (pool.unused.length + pool.idle.length > 0 || pool.open < perUrl) send(pool, now);
    else pool.waiting.push(now);
  }
}
await new Promise<void>((resolve) => {
  const tick = () => {
    sendWhatIsDue();
    const now = performance.now();
    if (now < endAt || (inFlight + countWaiting() > 0 && now < endAt + 15_000)) setTimeout(tick, 1);
    else resolve();
  };
  tick();
});

const result: PacedResult = {
  sent: number - firstNumber,
  requests: sources.reduce((sum, { latencies }) => sum + latencies.length, 0),
  errors: errors + inFlight + countWaiting(),
  ...(errorSample === undefined ? {} : { errorSample: errorSample.slice(-300) }),
  sources: sources.map(({ latencies }) => ({
    requests: latencies.length,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  })),
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
