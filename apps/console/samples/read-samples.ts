import { QueryTypes, type Sequelize } from 'sequelize';
import { toStageTimes, type StageTime } from '../../../shared/administration/now/quantile.ts';
import { appResults, type AppResult } from '../../../shared/metrics/app-results.ts';
import { wholeSystem } from '../../../shared/samples/sample-row.ts';
import { parseSystemSample, systemCounts, type SystemSample } from '../../../shared/samples/system-sample.ts';
import { toWallClock } from '../../../shared/session/wall-clock.ts';
import type { Steps } from './steps.ts';

type Results = Readonly<Record<AppResult, number>>;

interface Point {
  /** ISO 8601: the step begins then. */
  readonly at: string;
  /** How many of its seconds were looked at. */
  readonly seconds: number;
  readonly logins: Results;
  readonly checks: Results;
}

interface SystemPoint {
  readonly at: string;
  readonly loginTimes: readonly StageTime[];
  readonly wechat: readonly { readonly api: string; readonly result: string; readonly count: number }[];
  readonly waitingMost: number | null;
  readonly oldestSecondsMost: number | null;
  readonly web: number | null;
  readonly workers: number | null;
}

export const everyApp = '*';
/** So that no statement takes long, and others have their turn in between. */
const rowsPerStatement = 5000;

/** The apps that have samples. */
export async function listSampledApps(sequelize: Sequelize): Promise<string[]> {
  const rows = await sequelize.query<{ appid: string }>('select distinct appid from cWaferSample', {
    type: QueryTypes.SELECT,
  });
  return rows.map(({ appid }) => appid).filter((appid) => appid !== wholeSystem);
}

/** One point for each step, of one app or of the whole system. */
export async function readPoints(sequelize: Sequelize, appid: string, steps: Steps): Promise<Point[]> {
  const sums = (['logins', 'checks'] as const).flatMap((kind) =>
    appResults.map((result) => `sum(${kind}_${result}) as ${kind}_${result}`),
  );
  const rows = await sequelize.query<Readonly<Record<string, number | string>>>(
    `select timestampdiff(second, :from, at) div :step as step, sum(seconds) as seconds, ${sums.join(', ')}
     from cWaferSample where appid = :appid and at >= :from and at < :to group by step`,
    { replacements: { ...bordersOf(steps), appid }, type: QueryTypes.SELECT },
  );
  const byStep = new Map(rows.map((row) => [Number(row['step']), row]));
  return steps.starts.map((start, index) => {
    const row = byStep.get(index) ?? {};
    const results = (kind: string) =>
      Object.fromEntries(appResults.map((result) => [result, Number(row[`${kind}_${result}`] ?? 0)])) as Results &
        object;
    return {
      at: toIso(start),
      // A sample may be of more than its minute.
      seconds: Math.min(Number(row['seconds'] ?? 0), steps.stepSeconds),
      logins: results('logins'),
      checks: results('checks'),
    };
  });
}

/** What only the whole system has. */
export async function readSystemPoints(sequelize: Sequelize, steps: Steps): Promise<SystemPoint[]> {
  const samples = steps.starts.map((): SystemSample[] => []);
  let after = '';
  for (;;) {
    const rows = await sequelize.query<{ at: string; step: number | string; more: string | null }>(
      `select at, timestampdiff(second, :from, at) div :step as step, more from cWaferSample
       where appid = '' and at >= :from and at < :to and at > :after order by at limit ${rowsPerStatement}`,
      { replacements: { ...bordersOf(steps), after: after || '0000-00-00 00:00:00' }, type: QueryTypes.SELECT },
    );
    for (const { step, more } of rows) {
      const sample = parseSystemSample(more);
      if (sample !== undefined) samples[Number(step)]?.push(sample);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsPerStatement) break;
    after = last.at;
  }
  return samples.map((ofStep, index) => toSystemPoint(toIso(steps.starts[index] as number), ofStep));
}

function toSystemPoint(at: string, samples: readonly SystemSample[]): SystemPoint {
  const counts = systemCounts(samples);
  const most = (valueOf: (sample: SystemSample) => number | undefined): number | null => {
    const values = samples.map(valueOf).filter((value) => value !== undefined);
    return values.length === 0 ? null : Math.max(...values);
  };
  const last = samples.at(-1);
  const oldestMs = most(({ oldestMs }) => oldestMs);
  return {
    at,
    loginTimes: toStageTimes(counts),
    wechat: Object.entries(counts).flatMap(([name, count]) => {
      const [kind, api = '', result = ''] = name.split(' ');
      return kind === 'wechat' ? [{ api, result, count }] : [];
    }),
    waitingMost: most(({ waiting }) => waiting),
    oldestSecondsMost: oldestMs === null ? null : oldestMs / 1000,
    web: last?.web ?? null,
    workers: last?.workers ?? null,
  };
}

function bordersOf({ starts, stepSeconds }: Steps): { from: string; to: string; step: number } {
  const from = starts[0] as number;
  return { from: toWallClock(from), to: toWallClock(from + starts.length * stepSeconds), step: stepSeconds };
}

function toIso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
