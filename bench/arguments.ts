import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { rootDir } from './stack/root-dir.ts';
import {
  allScenarioNames,
  buildScenarioNames,
  largeScenarioNames,
  scenarioNames,
  type ScenarioName,
} from './scenarios/names.ts';

export interface Arguments {
  readonly only: readonly ScenarioName[];
  readonly quick: boolean;
  /** Rounds, and seconds of each, where they are given. */
  readonly size: { readonly rounds?: number; readonly roundSeconds?: number };
  readonly profile: boolean;
  readonly jsonFile: string | undefined;
  /** Where plots and flame graphs go. */
  readonly svgDir: string | undefined;
  /** Whether docs/performance.md gets this report. */
  readonly docs: boolean;
  /** The folder of another build of this project, to compare this one with. */
  readonly against: string | undefined;
}

export const usage = `npm run bench -- [options]

  --only NAME[,NAME]  only these comparisons; a name also means those that begin with it and a dot: auth, login
  --quick             two short rounds over fewer sessions: shows that everything works, not how fast it is
  --rounds N          rounds of each comparison (default 5)
  --seconds N         seconds of each side in a round (default 10)
  --json FILE         writes the figures as well: a list of {name, ours, peer, ratio: {median, min, max}, rounds}
  --svg DIR           where plots and flame graphs go (default .data/bench)
  --docs              puts the report into docs/performance.md, and plots and flame graphs into docs/performance
  --against DIR       compares this build with the one in DIR, a checkout in which \`npm run build\` has run; each has servers of its own
  --profile           profiles web and worker instead of comparing them, as flame graphs; by default during auth.zipf

Names: ${scenarioNames.join(', ')}
By name alone, for they are large: ${largeScenarioNames.join(', ')}
Names with --against: ${buildScenarioNames.join(', ')}`;

/** @throws {TypeError} with what is wrong */
export function parseArguments(argv: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
      docs: { type: 'boolean', default: false },
      against: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const wanted = (values.only ?? []).flatMap((list) => list.split(',')).filter((name) => name !== '');
  const unknown = wanted.filter((name) => namesOf(name).length === 0);
  if (unknown.length > 0) throw new TypeError(`no comparison is called ${unknown.join(', ')}`);
  const { against } = values;
  if (wanted.length === 0 && values.profile && against !== undefined)
    throw new TypeError('--profile profiles this build alone: leave --against out');
  const ofBuilds: readonly ScenarioName[] = buildScenarioNames;
  const named = allScenarioNames.filter((name) => wanted.some((want) => namesOf(want).includes(name)));
  if (against === undefined && named.some((name) => ofBuilds.includes(name)))
    throw new TypeError('comparisons of builds need --against DIR');
  const byDefault = values.profile
    ? (['auth.zipf'] as const)
    : against === undefined
      ? scenarioNames
      : buildScenarioNames;
  return {
    only: wanted.length === 0 ? byDefault : named,
    quick: values.quick,
    size: {
      ...(values.rounds === undefined ? {} : { rounds: parseCount('--rounds', values.rounds) }),
      ...(values.seconds === undefined ? {} : { roundSeconds: parseCount('--seconds', values.seconds) }),
    },
    profile: values.profile,
    jsonFile: values.json,
    svgDir: values.svg ?? (values.docs ? join(rootDir, 'docs', 'performance') : undefined),
    docs: values.docs,
    against,
  };
}

function parseCount(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TypeError(`${option} takes a whole number from 1 to 9999`);
  return Number(text);
}

function namesOf(wanted: string): ScenarioName[] {
  return allScenarioNames.filter((name) => name === wanted || name.startsWith(`${wanted}.`));
}
