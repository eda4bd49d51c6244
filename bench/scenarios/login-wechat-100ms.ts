import { findPeak, pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { loginWarmUps, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const wechatMs = 100;
const shares = [0.1, 0.5, 0.9] as const;
/** The share of the peak rate that the target is about. */
const judgedShare = 0.5;
/** Enough for a peak of 2,500 log-ins a second that take 100 ms each. */
const connections = 256;

/** What we add to WeChat's own time, at several shares of the peak rate. */
export const loginWechat100ms: Scenario = async (bench) => {
  const { stack } = bench;
  const name = 'login.wechat-100ms';
  const requests = [{ source: await bench.dataset.logins(), share: 1 }];
  stack.place('any');
  const wechat = await stack.startWechat(wechatMs, 'any');
  const env = { WECHAT_API_BASE: wechat.url };
  const worker = await stack.startWorker({ cores: 'any', env });
  const web = await stack.startWeb({ cores: 'any', env });
  try {
    const target = { urls: [web.url], shares: requests, cores: 'any', turn: 'last' } as const;
    await warmUp(bench, name, target, { connections, times: loginWarmUps });
    const peaks: number[] = [];
    const rounds: { share: number; requestsPerSecond: number; p50OverheadMs: number; p99OverheadMs: number }[] = [];
    for (let round = 1; round <= bench.rounds; round++) {
      const what = `${name}: round ${round}`;
      const peak = await findPeak(bench, what, target, connections);
      peaks.push(peak);
      for (const share of shares) {
        const requestsPerSecond = peak * share;
        const paced = await pace(bench, `${what}, ${share * 100} % of the peak`, target, requestsPerSecond);
        const [{ p50Ms, p99Ms } = { p50Ms: Number.NaN, p99Ms: Number.NaN }] = paced.sources;
        rounds.push({ share, requestsPerSecond, p50OverheadMs: p50Ms - wechatMs, p99OverheadMs: p99Ms - wechatMs });
      }
    }
    const peak = spreadOf(peaks).median;
    const at = (share: number) => rounds.filter((round) => round.share === share);
    const p99 = (share: number) => spreadOf(at(share).map(({ p99OverheadMs }) => p99OverheadMs));
    const p50 = (share: number) => spreadOf(at(share).map(({ p50OverheadMs }) => p50OverheadMs));
    return {
      name,
      unit: `p99 overhead ÷ ${wechatMs} ms at ${judgedShare * 100} % of the peak`,
      ours: {
        peakPerSecond: peak,
        p50OverheadMs: p50(judgedShare).median,
        p99OverheadMs: p99(judgedShare).median,
      },
      peer: null,
      ratio: spreadOf(at(judgedShare).map(({ p99OverheadMs }) => p99OverheadMs / wechatMs)),
      rounds,
      voided: 0,
      tables: [
        {
          title: `${name}: time above WeChat's ${wechatMs} ms`,
          columns: ['share of the peak', 'log-ins/s', 'p50 ms', 'p99 ms', 'p99 least', 'p99 greatest'],
          rows: shares.map((share) => [
            `${share * 100} %`,
            Math.round(peak * share),
            number(p50(share).median),
            number(p99(share).median),
            number(p99(share).min),
            number(p99(share).max),
          ]),
        },
      ],
      notes: [`peak with ${connections} connections: ${Math.round(peak)} log-ins/s`],
    };
  } finally {
    await stopAll([web, worker, wechat]);
  }
};
