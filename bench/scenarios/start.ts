import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import type { Scenario } from './scenario.ts';

/** From the start of a process until it says that it is ready. */
export const start: Scenario = async ({ stack, rounds, progress }) => {
  stack.place('any');
  const measured: { web: number; worker: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress.step(`start: round ${round}`);
    const worker = await stack.startWorker({ cores: 'any' });
    const web = await stack.startWeb({ cores: 'any' });
    measured.push({ web: web.readyMs, worker: worker.readyMs });
    await web.stop();
    await worker.stop();
  }
  const web = spreadOf(measured.map((round) => round.web));
  const worker = spreadOf(measured.map((round) => round.worker));
  return {
    name: 'start',
    unit: 'ms until web is ready',
    ours: { webMs: web.median, workerMs: worker.median },
    peer: null,
    ratio: web,
    rounds: measured,
    voided: 0,
    tables: [
      {
        title: 'start: ms from the start of the process until /readyz answers 200 (looked at every 50 ms)',
        columns: ['', 'median', 'min', 'max'],
        rows: Object.entries({ web, worker }).map(([label, { median, min, max }]) => [
          label,
          number(median),
          number(min),
          number(max),
        ]),
      },
    ],
    notes: [],
  };
};
