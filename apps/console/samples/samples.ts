import type { Sequelize } from 'sequelize';
import { wholeSystem } from '../../../shared/samples/sample-row.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import { everyApp, listSampledApps, readPoints, readSystemPoints } from './read-samples.ts';
import { chooseSteps } from './steps.ts';

interface Span {
  /** Seconds since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** `*`: each; undefined: the whole system. */
  readonly appid?: string | undefined;
  /** Seconds. */
  readonly step?: number | undefined;
}

/** Figures of the past, as workers have sampled them. */
export function createSamples(sequelize: Sequelize) {
  return {
    /** @throws {ApiProblem} 400 span_invalid */
    async read({ appid = wholeSystem, ...span }: Span) {
      const steps = chooseSteps(span, nowSeconds());
      const apps = appid === everyApp ? await listSampledApps(sequelize) : [appid];
      const series = [];
      // One after another: others read from the same MySQL.
      for (const each of apps)
        series.push({
          appid: each === wholeSystem ? null : each,
          points: await readPoints(sequelize, each, steps),
        });
      const { stepSeconds, starts } = steps;
      const begin = starts[0] as number;
      return {
        from: new Date(begin * 1000).toISOString(),
        to: new Date((begin + starts.length * stepSeconds) * 1000).toISOString(),
        stepSeconds,
        series,
        system: await readSystemPoints(sequelize, steps),
      };
    },
  };
}

export type Samples = ReturnType<typeof createSamples>;
