import type { OnClose } from '../../support/closing.ts';
import { inspectRows } from './rows.ts';
import { startLoad, type Load, type Rates } from './load.ts';
import type { Site } from './site.ts';
import { errorCount, total, type Tally } from './tally.ts';
import type { User } from './users.ts';

/** One row of the table: what is broken, and what must hold while it is and afterwards. */
export interface Fault {
  /** For --only and in titles of files. */
  readonly name: string;
  readonly title: string;
  /** What must hold, in words. */
  readonly holds: string;
  /** Why it can't be run on this machine; undefined if it can. */
  readonly findMissing?: () => Promise<string | undefined>;
  /** Breaks and mends under load. */
  run(drill: Drill): Promise<Outcome>;
}

/** What a fault works with. */
export interface Drill {
  /** An installation for several faults, one after another: each leaves it whole. */
  readonly site: () => Promise<Site>;
  /** Of this run. */
  readonly onClose: OnClose;
  readonly lengths: Lengths;
  /** Loads a site while `meanwhile` breaks it, and until all is well again; then compares what was answered with what is stored. */
  underLoad(site: Site, meanwhile: (load: Load) => Promise<void>, urls?: readonly string[]): Promise<Seen>;
}

export interface Lengths {
  readonly outageMs: number;
  /** How often a process is killed, or reloaded. */
  readonly kills: number;
  readonly reloads: number;
  /** How long a worker is stopped; longer than its locks last. */
  readonly pauseMs: number;
  /** How many log-ins are made where each of them is followed. */
  readonly logins: number;
}

/** What was seen of a fault. */
export interface Seen {
  readonly tally: Tally;
  readonly users: readonly User[];
}

export interface Outcome extends Seen {
  readonly checks: readonly Check[];
}

export interface Check {
  readonly what: string;
  readonly holds: boolean;
  /** What was seen. */
  readonly seen: string;
  /** It is about time: not for a loaded machine to judge. */
  readonly isTiming: boolean;
}

export function must(what: string, holds: boolean, seen: unknown): Check {
  return { what, holds, seen: String(seen), isTiming: false };
}

/** @param seenMs what was measured */
export function mustWithin(what: string, limitMs: number, seenMs: number): Check {
  return {
    what: `${what} ≤ ${limitMs} ms`,
    holds: seenMs <= limitMs,
    seen: `${Math.round(seenMs)} ms`,
    isTiming: true,
  };
}

/** What holds whatever happens: no wrong answer, none missing, and valid sessions are accepted. */
export function alwaysHolds({ tally }: Seen, { cutsAllowed = false } = {}): Check[] {
  const sums = [total(tally, 'login'), total(tally, 'check'), total(tally, 'probe')];
  const unanswered = sums.reduce((sum, counts) => sum + counts.unanswered, 0);
  const cut = sums.reduce((sum, counts) => sum + counts.cut, 0);
  const refused = total(tally, 'check').errors;
  return [
    must(
      '0 wrong',
      tally.wrong.length === 0,
      `${tally.wrong.length} ${[...new Set(tally.wrong)].slice(0, 5).join('; ')}`,
    ),
    must('0 unanswered', unanswered === 0, unanswered),
    ...(cutsAllowed ? [] : [must('no connection was cut', cut === 0, cut)]),
    must('every check of a valid session succeeds', errorCount(total(tally, 'check')) === 0, describeErrors(refused)),
  ];
}

/** After the fault's end everything works again. */
export function recoversWithin(limitMs: number, { tally }: Seen): Check[] {
  const { ok, sent } = tally.counts.login.after;
  return [
    must('log-ins work again without a restart by hand', ok > 0, `${ok} of ${sent} afterwards`),
    mustWithin('recovery', limitMs, tally.recoveryMs),
  ];
}

export function describeErrors(errors: ReadonlyMap<string, number>): string {
  return [...errors].map(([code, count]) => `${count} × ${code}`).join(', ') || 'none';
}

const calmMs = 1000;
const quietMs = 1200;
const recoveryLimitMs = 25_000;

/** The load of a drill. */
export async function runUnderLoad(
  site: Site,
  urls: readonly string[],
  rates: Rates,
  random: () => number,
  meanwhile: (load: Load) => Promise<void>,
): Promise<Seen> {
  const load = startLoad(urls, rates, random);
  const { tallier } = load;
  try {
    await load.last(calmMs);
    tallier.phase = 'during';
    await meanwhile(load);
    tallier.lift();
    const giveUpAt = performance.now() + recoveryLimitMs;
    do await load.last(quietMs / 3);
    while (!tallier.isWellFor(quietMs) && performance.now() < giveUpAt);
    await load.last(quietMs);
  } finally {
    await load.stop();
  }
  tallier.tally.wrong.push(...(await inspectRows(site, load.users)));
  return { tally: tallier.tally, users: load.users };
}
