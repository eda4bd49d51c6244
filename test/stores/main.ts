// `npm run test:stores`: the tests that depend on MySQL, Redis or Node, on several real versions of each.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { rootDir } from '../support/built.ts';
import { addCounts, type TestCounts } from '../support/tap.ts';
import { installNode, unpackSuite, versionOf, writeCommands } from './programs.ts';
import { rows, testsOfARow, type Row } from './rows.ts';
import { putIntoTable } from './table.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, docs: { type: 'boolean', default: false } } });
const chosen = values.only === undefined ? rows : rows.filter(({ name }) => values.only?.split(',').includes(name));
if (chosen.length === 0) {
  console.error(`--only takes one or more of ${rows.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
if (process.getuid?.() !== 0 || spawnSync('mmdebstrap', ['--version']).status !== 0) {
  console.error('This unpacks servers of Debian releases: it needs root and mmdebstrap (apt-get install mmdebstrap).');
  process.exit(2);
}

/** Kept between runs: a second run unpacks nothing. */
const cacheDir = join(tmpdir(), 'wafer-stores');
let failed = false;
for (const row of chosen) {
  const line = runRow(row);
  failed ||= line.counts.failed > 0;
  console.log(
    `${row.name}: ${line.counts.passed} passed, ${line.counts.failed} failed, ${line.counts.skipped} skipped`,
  );
  if (values.docs) putIntoTable(line);
}
process.exitCode = failed ? 1 : 0;

function runRow(row: Row) {
  const commandsDir = join(cacheDir, 'commands', row.name);
  for (const suite of new Set([row.database.suite, row.redis.suite])) unpackSuite(suite, join(cacheDir, suite));
  writeCommands(row, cacheDir, commandsDir);
  const node = installNode(row.node, join(cacheDir, `node-${row.node}`));
  const started = performance.now();
  const { file, counts } = runTests(node, commandsDir, row.name);
  return {
    database: `${row.database.kind === 'mysql' ? 'MySQL' : 'MariaDB'} ${versionOf(commandsDir, 'mariadbd')}`,
    settings: (row.database.args ?? []).length === 0 ? '' : 'settings of 8.4',
    redis: `${row.redis.kind === 'redis' ? 'Redis' : 'Valkey'} ${versionOf(commandsDir, 'redis-server')}`,
    node: spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1),
    seconds: Math.round((performance.now() - started) / 1000),
    counts,
    file,
  };
}

function runTests(node: string, commandsDir: string, name: string): { file: string; counts: TestCounts } {
  const files = testsOfARow.flatMap(listTests);
  const args = ['--enable-source-maps', join(rootDir, 'dist/test/support/run.js'), '--tests-only', ...files];
  const env = { ...process.env, PATH: `${commandsDir}${delimiter}${process.env['PATH']}` };
  const { stdout } = spawnSync(node, args, {
    cwd: rootDir,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 256 * 1024 * 1024,
  });
  mkdirSync(join(cacheDir, 'output'), { recursive: true });
  const file = join(cacheDir, 'output', `${name}.txt`);
  writeFileSync(file, stdout);
  const last = /(\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(stdout);
  const none: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  if (last === null) return { file, counts: addCounts(none, { passed: 0, failed: 1, skipped: 0 }) };
  const [passed, failed_, skipped] = last.slice(1).map(Number) as [number, number, number];
  if (failed_ > 0) console.log(readFileSync(file, 'utf8').slice(stdout.lastIndexOf('Failed:')));
  return { file, counts: { passed, failed: failed_, skipped } };
}

function listTests(path: string): string[] {
  const whole = join(rootDir, 'test', path);
  const isThere = statSync(whole, { throwIfNoEntry: false });
  if (isThere === undefined) throw new Error(`test/${path}, which the matrix runs, is gone`);
  if (isThere.isFile()) return [`test/${path}`];
  return readdirSync(whole)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${path}/${name}`);
}
