import type { Bench } from '../bench.ts';
import type { Share } from '../load/source.ts';
import { findPeak, pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { canPin, moveTo, turns, type Cores, type LoadTurn } from '../stack/cores.ts';
import type { Program } from '../stack/programs.ts';
import { loginWarmUps, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

const authShare = 0.95;
const shareOfPeak = 0.7;
/** Longer than the 8 s after which visits are written (ADR 5): what the load before leaves is done, and the load's own visits, which a peak has to bear as well, are written as they come. */
const settleSeconds = 10;
/**
 * So many times as long a warm-up as of log-ins alone, which are all of its requests: by then nearly each of the 60,000 users has logged in. Before,
 * the p99 of the first round was 100 ms and more, and that of the third 10.
 */
const knownUsersWarmUps = 2.5;

/** Where the processes run. */
interface Layout {
  readonly title: string;
  readonly web: Cores;
  readonly others: Cores;
  readonly turn: LoadTurn;
}

/** As in `auth.*`, where a comparison is about one process too. The load would wait for the workers on its core, and that wait is none of web's. */
const ownCore: Layout = { title: 'web alone on core 0', web: 'first', others: 'rest', turn: 'first' };
/** All in each other's way, as on a machine of so few cores. */
const sharedCores: Layout = { title: 'all on all cores', web: 'any', others: 'any', turn: 'last' };
const layouts = [ownCore, sharedCores];

interface Round {
  readonly layout: string;
  readonly peak: number;
  /** p99 of auth beside log-ins, in milliseconds. */
  readonly together: number;
  /** p99 of as many checks without log-ins. */
  readonly alone: number;
  readonly loginP99Ms: number;
}

/** What log-ins do to the auth checks beside them. */
export const mixed: Scenario = async (bench) => {
  const { stack } = bench;
  const auth = { source: await bench.dataset.zipf(), share: authShare };
  const shares = [auth, { source: await bench.dataset.logins(), share: 1 - authShare }] as const;
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const web = await stack.startWeb({ cores: 'any' });
  try {
    const warmLoad = { connections: fullLoadConnections, times: loginWarmUps * knownUsersWarmUps };
    await warmUp(bench, 'mixed', { urls: [web.url], shares, cores: 'any', turn: 'last' }, warmLoad);
    const rounds: Round[] = [];
    for (let round = 1; round <= bench.rounds; round++)
      for (const layout of layouts) rounds.push(await measure(bench, round, layout, { web, worker }, shares));
    const figures = (layout: Layout) => {
      const its = rounds.filter(({ layout: title }) => title === layout.title);
      const median = (pick: (round: Round) => number) => spreadOf(its.map(pick)).median;
      return {
        ratio: spreadOf(its.map(({ together, alone }) => together / alone)),
        peak: median(({ peak }) => peak),
        together: median(({ together }) => together),
        alone: median(({ alone }) => alone),
        loginP99Ms: median(({ loginP99Ms }) => loginP99Ms),
      };
    };
    const { ratio, peak, together, alone, loginP99Ms } = figures(ownCore);
    return {
      name: 'mixed',
      unit: 'p99 of auth, with log-ins ÷ alone',
      ours: { p99Ms: together, loginP99Ms, peakPerSecond: peak },
      peer: { p99Ms: alone },
      ratio,
      rounds,
      voided: 0,
      tables: [
        {
          title: `mixed: p99 in ms at ${shareOfPeak * 100} % of the peak, which is found anew in each round`,
          columns: ['', 'peak/s', 'auth beside 5 % log-ins', 'auth alone', 'ratio', 'least', 'greatest', 'log-ins'],
          rows: layouts.map((layout) => {
            const its = figures(layout);
            return [
              layout.title,
              Math.round(its.peak),
              ...[its.together, its.alone, its.ratio.median, its.ratio.min, its.ratio.max, its.loginP99Ms].map(number),
            ];
          }),
        },
      ],
      notes:
        canPin && turns.first
          ? []
          : ['no process could be given a core of its own, or the load none before all others'],
    };
  } finally {
    await stopAll([web, worker]);
  }
};

async function measure(
  bench: Bench,
  round: number,
  { title, web: webCores, others, turn }: Layout,
  { web, worker }: { web: Program; worker: Program },
  [auth, logins]: readonly [Share, Share],
): Promise<Round> {
  const what = `mixed: round ${round}, ${title}`;
  const settle = bench.quick ? 0 : settleSeconds;
  bench.stack.place(others);
  moveTo(others, worker.pid);
  moveTo(webCores, web.pid);
  const target = { urls: [web.url], cores: others, turn, shares: [auth, logins] };
  const peak = await findPeak(bench, what, target, fullLoadConnections, settle);
  const rate = peak * shareOfPeak;
  const authOnly = { ...target, shares: [{ ...auth, share: 1 }] };
  const measureAlone = () => pace(bench, `${what}, auth alone`, authOnly, rate * authShare, settle);
  // In turn: a machine with neighbours may be slower in one half of a round.
  const before = round % 2 === 0 ? await measureAlone() : undefined;
  const together = await pace(bench, what, target, rate, settle);
  const alone = before ?? (await measureAlone());
  const p99 = ({ sources }: typeof alone, index: number) => sources[index]?.p99Ms ?? Number.NaN;
  return { layout: title, peak, together: p99(together, 0), alone: p99(alone, 0), loginP99Ms: p99(together, 1) };
}
