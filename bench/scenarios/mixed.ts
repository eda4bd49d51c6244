import { findPeak, pace } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { loginWarmUps, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

const authShare = 0.95;
const shareOfPeak = 0.7;

/** What log-ins do to the auth checks beside them. */
export const mixed: Scenario = async (bench) => {
  const { stack } = bench;
  const auth = { source: await bench.dataset.zipf(), share: authShare };
  const shares = [auth, { source: await bench.dataset.logins(), share: 1 - authShare }];
  // A log-in keeps web, worker and stores busy: none of them is given a core of its own.
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const web = await stack.startWeb({ cores: 'any' });
  try {
    const target = { urls: [web.url], cores: 'any' } as const;
    const load = { connections: fullLoadConnections, warmUps: loginWarmUps };
    const peak = await findPeak(bench, 'mixed', { ...target, shares }, load);
    const requestsPerSecond = peak * shareOfPeak;
    const rounds: { together: number; alone: number; p50Ms: number; loginP99Ms: number }[] = [];
    for (let round = 1; round <= bench.rounds; round++) {
      const together = await pace(bench, `mixed: round ${round}`, { ...target, shares }, requestsPerSecond);
      const alone = await pace(
        bench,
        `mixed: round ${round}, auth alone`,
        { ...target, shares: [{ ...auth, share: 1 }] },
        requestsPerSecond * authShare,
      );
      rounds.push({
        together: together.sources[0]?.p99Ms ?? Number.NaN,
        alone: alone.sources[0]?.p99Ms ?? Number.NaN,
        p50Ms: together.sources[0]?.p50Ms ?? Number.NaN,
        loginP99Ms: together.sources[1]?.p99Ms ?? Number.NaN,
      });
    }
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
        `at ${Math.round(requestsPerSecond)} requests/s, ${shareOfPeak * 100} % of the peak of ${Math.round(peak)}/s: ` +
          `p99 of auth ${number(together)} ms with 5 % log-ins, ${number(alone)} ms alone; p99 of the log-ins ${number(loginP99Ms)} ms`,
      ],
    };
  } finally {
    await stopAll([web, worker]);
  }
};
