import type { Bench } from '../bench.ts';
import type { RequestSource } from '../load/source.ts';
import { failOnErrors, leastSeconds } from '../measure/rates.ts';
import { measureSide } from '../measure/side.ts';
import type { Measurement } from '../measure/result.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { counted, loginConnections, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const layouts = [
  { what: 'auth', webs: 1, workers: 1 },
  { what: 'auth', webs: 2, workers: 1 },
  { what: 'login', webs: 1, workers: 1 },
  { what: 'login', webs: 2, workers: 1 },
  { what: 'login', webs: 1, workers: 2 },
  { what: 'login', webs: 2, workers: 2 },
] as const;

type Layout = (typeof layouts)[number];

/** Rates with one and two processes of each kind. Stores and load share the machine with them, so on two cores there is little to gain. */
export const scale: Scenario = async (bench) => {
  const sources = { auth: await bench.dataset.even(), login: await bench.dataset.logins() };
  bench.stack.place('any');
  const measured: { layout: Layout; measurement: Measurement }[] = [];
  for (const layout of layouts)
    measured.push({ layout, measurement: await measure(bench, layout, sources[layout.what]) });
  const rateOf = (what: string, webs: number, workers: number) =>
    measured.find(({ layout }) => layout.what === what && layout.webs === webs && layout.workers === workers)
      ?.measurement.requestsPerSecond ?? Number.NaN;
  return {
    name: 'scale',
    unit: 'auth/s, 2 web processes ÷ 1',
    ours: { twoWebs: rateOf('auth', 2, 1), loginsTwoAndTwo: rateOf('login', 2, 2) },
    peer: { oneWeb: rateOf('auth', 1, 1), loginsOneAndOne: rateOf('login', 1, 1) },
    ratio: spreadOf([rateOf('auth', 2, 1) / rateOf('auth', 1, 1)]),
    rounds: measured,
    voided: 0,
    tables: [
      {
        title: 'scale: rates on this machine, stores and load included',
        columns: ['', 'web', 'worker', 'requests/s', 'p50 ms', 'p99 ms'],
        rows: measured.map(({ layout, measurement }) => [
          layout.what,
          layout.webs,
          layout.workers,
          Math.round(measurement.requestsPerSecond),
          number(measurement.p50Ms),
          number(measurement.p99Ms),
        ]),
      },
    ],
    notes: [],
  };
};

async function measure(bench: Bench, { what, webs, workers }: Layout, source: RequestSource): Promise<Measurement> {
  const { stack } = bench;
  const programs = [];
  try {
    for (let index = 0; index < workers; index++) programs.push(await stack.startWorker({ cores: 'any' }));
    for (let index = 0; index < webs; index++) programs.push(await stack.startWeb({ cores: 'any' }));
    const side = {
      urls: programs.slice(workers).map(({ url }) => url),
      shares: [{ source, share: 1 }],
      processes: [...counted('worker', ...programs.slice(0, workers)), ...counted('web', ...programs.slice(workers))],
      connections: loginConnections,
    };
    const layout = `scale: ${what}, ${webs} web, ${workers} worker`;
    bench.progress.step(`${layout}: warming up`);
    await measureSide(bench, side, Math.max(bench.warmUpSeconds, leastSeconds), 'any');
    bench.progress.step(layout);
    const measurement = await measureSide(bench, side, Math.max(bench.roundSeconds, leastSeconds), 'any');
    failOnErrors(layout, measurement);
    return measurement;
  } finally {
    await stopAll(programs);
  }
}
