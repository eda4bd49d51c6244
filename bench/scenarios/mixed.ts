import { findPeak, pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
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

/** What log-ins do to the auth checks beside them. */
export const mixed: Scenario = async (bench) => {
  const { stack } = bench;
  const auth = { source: await bench.dataset.zipf(), share: authShare };
  const shares = [auth, { source: await bench.dataset.logins(), share: 1 - authShare }];
  const settle = bench.quick ? 0 : settleSeconds;
  // A log-in keeps web, worker and stores busy: none of them is given a core of its own.
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const web = await stack.startWeb({ cores: 'any' });
  try {
    const target = { urls: [web.url], cores: 'any' } as const;
    const warmLoad = { connections: fullLoadConnections, times: loginWarmUps * knownUsersWarmUps };
    await warmUp(bench, 'mixed', { ...target, shares }, warmLoad);
    const rounds: { peak: number; together: number; alone: number; p50Ms: number; loginP99Ms: number }[] = [];
    for (let round = 1; round <= bench.rounds; round++) {
      const what = `mixed: round ${round}`;
      const peak = await findPeak(bench, what, { ...target, shares }, fullLoadConnections, settle);
      const withLogins = () => pace(bench, what, { ...target, shares }, peak * shareOfPeak, settle);
      const authAlone = () =>
        pace(
          bench,
          `${what}, auth alone`,
          { ...target, shares: [{ ...auth, share: 1 }] },
          peak * shareOfPeak * authShare,
          settle,
        );
      // In turn: a machine with neighbours may be slower in one half of a round.
      const before = round % 2 === 0 ? await authAlone() : undefined;
      const together = await withLogins();
      const alone = before ?? (await authAlone());
      rounds.push({
        peak,
        together: together.sources[0]?.p99Ms ?? Number.NaN,
        alone: alone.sources[0]?.p99Ms ?? Number.NaN,
        p50Ms: together.sources[0]?.p50Ms ?? Number.NaN,
        loginP99Ms: together.sources[1]?.p99Ms ?? Number.NaN,
      });
    }
    const peak = spreadOf(rounds.map((round) => round.peak)).median;
    const together = spreadOf(rounds.map((round) => round.together)).median;
    const alone = spreadOf(rounds.map((round) => round.alone)).median;
    const loginP99Ms = spreadOf(rounds.map((round) => round.loginP99Ms)).median;
    return {
      name: 'mixed',
      unit: 'p99 of auth, with log-ins ÷ alone',
      ours: { p99Ms: together, loginP99Ms, peakPerSecond: peak },
      peer: { p99Ms: alone },
      ratio: spreadOf(rounds.map((round) => round.together / round.alone)),
      rounds,
      voided: 0,
      tables: [],
      notes: [
        `at ${Math.round(peak * shareOfPeak)} requests/s, ${shareOfPeak * 100} % of the peak of ${Math.round(peak)}/s, found anew in each round: ` +
          `p99 of auth ${number(together)} ms with 5 % log-ins, ${number(alone)} ms alone; p99 of the log-ins ${number(loginP99Ms)} ms`,
      ],
    };
  } finally {
    await stopAll([web, worker]);
  }
};
