import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

import { faults } from '../faults/scenarios/index.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Names of faults; empty: all. */
  readonly only: readonly string[];
  readonly jsonFile: string | undefined;
  /** The same seed gives the same order of faults. */
  readonly seed: number;
  /** Log-ins a second; undefined: half of what the machine holds, at most 300. */
  readonly rate: number | undefined;
  /** Outages as short as in `npm test`. */
  readonly isShort: boolean;
  /** Only every door under every flood. */
  readonly isFloodsOnly: boolean;
  /** Only the autoscaler under bursts, eleven minutes; two if it is short. */
  readonly isAutoscaleOnly: boolean;
  /** Gets the plot of that. */
  readonly svgFile: string | undefined;
}

/** @throws {Error} with what is wrong */
export function parseSoakArguments(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '30' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      rate: { type: 'string' },
      short: { type: 'boolean', default: false },
      floods: { type: 'boolean', default: false },
      autoscale: { type: 'boolean', default: false },
      svg: { type: 'string' },
    },
  });
  const unknown = values.only.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown !== undefined)
    throw new Error(`there is no fault ${unknown}; there are ${faults.map(({ name }) => name).join(', ')}`);
  return {
    minutes: readNumber('minutes', values.minutes),
    only: values.only,
    jsonFile: values.json,
    seed: readNumber('seed', values.seed),
    rate: values.rate === undefined ? undefined : readNumber('rate', values.rate),
    isShort: values.short,
    isFloodsOnly: values.floods,
    isAutoscaleOnly: values.autoscale,
    svgFile: values.svg,
  };
}

function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new Error(`--${name} must be a number`);
  return value;
}
