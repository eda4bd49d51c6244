import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Command } from 'commander';
import { createProgram } from '../../apps/cli/program.ts';
import { parseArguments } from '../../bench/arguments.ts';
import { rootDir } from '../support/built.ts';
import { parseSoakArguments } from '../soak/arguments.ts';
import { readCredentials } from '../wechat/options.ts';
import { codeSpansOf } from './markdown.ts';
import { pages, placeOf, read, sources } from './repository.ts';

const { name: packageName, scripts, bin = {} } = JSON.parse(read('package.json'));
const ofNpm = new Set('audit ci config exec init install ls pack prune publish sbom version'.split(' '));
/** Options of node, npm, pm2, docker and mysqldump that the documentation explains. */
const foreignOptions = new Set(
  'data inspect loose- max-semi-space-size no-memory-reducer omit only parallel scale single-transaction update-env'.split(
    ' ',
  ),
);
const wafer = createProgram({ env: {}, streams: process, report: () => undefined });
const texts = [...pages, ...sources.filter((file) => !file.startsWith('test/docs/'))].map((file) => ({
  file,
  text: read(file),
}));

/** Faults of all that a pattern finds in code, tests and documentation, as `README.md:12: what is wrong`. */
function faultsOf(pattern: RegExp, faultOf: (...groups: string[]) => string | undefined): string[] {
  return texts.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const fault = faultOf(...match.slice(1).map((group) => group ?? ''));
      return fault === undefined ? [] : [`${placeOf(file, text, match.index)}: ${fault}`];
    }),
  );
}

test('every npm script that is named exists', (t) => {
  const faults = faultsOf(/\bnpm run (?:--silent |-s )?([a-z][\w:-]*)/g, (name) =>
    name in scripts ? undefined : `npm run ${name}`,
  );
  const inCode = faultsOf(/`npm (?!run )([a-z]+)/g, (name) =>
    name in scripts || ofNpm.has(name) ? undefined : `npm ${name}`,
  );
  t.deepEqual([...faults, ...inCode], []);
});

test('every program that is called by npx is installed', (t) => {
  const installed = new Set([...readdirSync(join(rootDir, 'node_modules/.bin')), ...Object.keys(bin), packageName]);
  t.deepEqual(
    faultsOf(/(?<=^ *|[`'\x22] ?|&& |[:;] )npx (?:--[\w-]+ )*([a-z][\w-]*)/gm, (name) =>
      installed.has(name) ? undefined : `npx ${name}`,
    ),
    [],
  );
});

test('every wafer command that is named exists, with its options', (t) => {
  const calls =
    /(?:npm run(?: --silent)? wafer --|apps\/cli\/main\.js|npx wafer|(?<![\w/-])wafer) (?=[a-z<-])([^`'"\n;|#()]+)/g;
  // Two labels of derived keys begin with the name as well; titles of tests are prose.
  const faults = faultsOf(calls, (call) => (/^(?:seal|fingerprint)\b/.test(call) ? undefined : faultOfCall(call)));
  t.deepEqual(
    faults.filter((fault) => !/^test\/.*\.test\.ts/.test(fault)),
    [],
  );
});

test('every group of commands and every option that stands alone in a page exists', (t) => {
  const groups = new Set(wafer.commands.filter(({ commands }) => commands.length > 0).map((group) => group.name()));
  const options = new Set([...optionsOf(wafer), ...everyOptionOfOthers(), ...foreignOptions]);
  // The experiments are a diary: what they tried need not exist any more.
  const current = pages.filter((page) => !page.startsWith('docs/performance'));
  const faults = current.flatMap((page) =>
    codeSpansOf(read(page)).flatMap((span) => {
      const [first = '', second = ''] = span.split(' ');
      const fault = groups.has(first) && /^[a-z]+$/.test(second) ? faultOfCall(span) : undefined;
      const option = /^--([a-z][\w-]*)/.exec(span)?.[1];
      const isUnknown = option !== undefined && !options.has(option);
      return [...(fault === undefined ? [] : [fault]), ...(isUnknown ? [span] : [])].map((what) => `${page}: ${what}`);
    }),
  );
  t.deepEqual(faults, []);
});

test('bench, soak and test:wechat take the options that pages name', async (t) => {
  const calls: Readonly<Record<string, (args: string[]) => unknown>> = {
    bench: parseArguments,
    soak: parseSoakArguments,
    'test:wechat': (args) =>
      readCredentials(args, { WECHAT_TEST_SECRET: 'not asked for', WECHAT_TEST_COMPONENT_TOKEN: 'nor this' }),
  };
  const faults = await Promise.all(
    texts.flatMap(({ file, text }) =>
      [...text.matchAll(/npm run (bench|soak|test:wechat) -- (--[^`'"\n#[]+)/g)].map(
        async ({ 1: name = '', 2: line = '', index }) => {
          try {
            await calls[name]?.(
              line
                .replace(/ {2,}.*| -->.*|…/, '')
                .trim()
                .split(/\s+/),
            );
            return [];
          } catch (error) {
            return [`${placeOf(file, text, index)}: ${(error as Error).message}`];
          }
        },
      ),
    ),
  );
  t.deepEqual(faults.flat(), []);
});

/** Why this call of the command line, such as `app set wx… --default`, can't work; undefined if it can. */
function faultOfCall(call: string): string | undefined {
  let command: Command = wafer;
  for (const token of call.trim().split(/\s+/)) {
    if (['<', '>', '&&'].includes(token)) return undefined;
    const word = token.replace(/[,.:]+$/, '');
    const option = /^--([a-z][\w-]*)/.exec(word)?.[1];
    if (option !== undefined && option !== 'help' && !command.options.some(({ long }) => long === `--${option}`))
      return `wafer ${command === wafer ? '' : `${command.name()} `}has no --${option}: ${call}`;
    if (option === undefined && command.commands.length > 0) {
      const next: Command | undefined = command.commands.find((each) => each.name() === word);
      if (next === undefined && /^[a-z]+$/.test(word)) return `there is no ${word}: wafer ${call}`;
      if (next === undefined) return undefined;
      command = next;
    }
    if (word !== token) return undefined;
  }
  return undefined;
}

function optionsOf(command: Command): string[] {
  return [
    'help',
    ...command.options.map(({ long }) => long?.slice(2) ?? ''),
    ...command.commands.flatMap((each) => optionsOf(each)),
  ];
}

/** Options of our other programs, as their usage lists them. */
function everyOptionOfOthers(): string[] {
  return [
    'bench/arguments.ts',
    'test/alerts/main.ts',
    'test/soak/main.ts',
    'test/wechat/options.ts',
    'apps/cli/migrate.ts',
  ].flatMap((file) => [...read(file).matchAll(/--([a-z][\w-]*)/g)].map(([, option = '']) => option));
}
