import { createDrills, longLengths, shortLengths } from '../faults/support/drill.ts';
import type { Check, Fault, Outcome } from '../faults/support/fault.ts';
import { total } from '../faults/support/tally.ts';
import { faults } from '../faults/scenarios/index.ts';
import type { SoakOptions } from './arguments.ts';
import { createRandom, shuffle } from '../support/random.ts';
import { renderTable, type Line } from './table.ts';

/** One fault, once. */
export interface Run extends Line {
  readonly broken: readonly Check[];
}

const usualRate = 300;

/** Every fault in random order, again and again until the time is over; one that has begun is finished. */
export async function soak(
  options: SoakOptions,
  signal: AbortSignal,
): Promise<{ table: string; runs: Run[]; brokenCount: number }> {
  const random = createRandom(options.seed);
  const closers: (() => Promise<void>)[] = [];
  const loginsPerSecond = options.rate ?? usualRate;
  const drills = createDrills({
    onClose: (close) => void closers.push(close),
    lengths: options.isShort ? shortLengths : longLengths,
    rates: { loginsPerSecond, checksPerSecond: loginsPerSecond },
    random,
  });
  const wanted = faults.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const endAt = performance.now() + options.minutes * 60_000;
  const runs: Run[] = [];
  const interrupted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  try {
    // Once through in any case.
    do {
      for (const fault of shuffle(wanted, random)) {
        if (signal.aborted || (runs.length >= wanted.length && performance.now() > endAt)) break;
        const missing = await fault.findMissing?.();
        if (missing !== undefined) {
          console.log(`${fault.title}: not run: ${missing}`);
          continue;
        }
        console.log(`${new Date().toISOString()} ${fault.title} …`);
        const run = await Promise.race([runFault(fault, () => drills.run(fault)), interrupted]);
        if (run === undefined) break;
        runs.push(run);
        for (const { what, seen } of run.broken) console.log(`  BROKEN: ${what}: ${seen}`);
      }
    } while (!signal.aborted && performance.now() < endAt);
  } finally {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  }
  return { table: renderTable(runs), runs, brokenCount: runs.filter(({ broken }) => broken.length > 0).length };
}

async function runFault(fault: Fault, run: () => Promise<Outcome>): Promise<Run> {
  try {
    return toRun(fault, await run());
  } catch (error) {
    const broken = [{ what: 'the fault can be run', holds: false, seen: String(error), isTiming: false }];
    return {
      fault: fault.name,
      sent: 0,
      ok: 0,
      errors: {},
      cut: 0,
      unanswered: 0,
      wrong: 0,
      slowestMs: {},
      recoveryMs: 0,
      broken,
    };
  }
}

function toRun(fault: Fault, { tally, checks }: Outcome): Run {
  const kinds = (['login', 'check', 'probe'] as const).map((kind) => total(tally, kind));
  const sum = (count: (counts: (typeof kinds)[number]) => number) =>
    kinds.reduce((all, counts) => all + count(counts), 0);
  const errors: Record<string, number> = {};
  for (const counts of kinds) {
    for (const [code, count] of counts.errors) errors[code] = (errors[code] ?? 0) + count;
  }
  return {
    fault: fault.name,
    sent: sum(({ sent }) => sent),
    ok: sum(({ ok }) => ok),
    errors,
    cut: sum(({ cut }) => cut),
    unanswered: sum(({ unanswered }) => unanswered),
    wrong: tally.wrong.length,
    slowestMs: {
      login: Math.round(total(tally, 'login').slowestMs),
      loginDuring: Math.round(tally.counts.login.during.slowestMs),
      check: Math.round(total(tally, 'check').slowestMs),
    },
    recoveryMs: Math.round(tally.recoveryMs),
    broken: checks.filter(({ holds }) => !holds),
  };
}
