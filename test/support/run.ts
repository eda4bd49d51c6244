// What `npm test` runs, after apps/local/bootstrap.js has installed the packages and compiled everything, which checks the types.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { provideServers, type ProvidedServers } from '../../apps/local/servers/provide.ts';
import { rootDir } from './built.ts';
import { killLeftOvers } from './left-overs.ts';
import { watchLoad } from './machine-load.ts';
import { runNode } from './run-program.ts';
import { searchSecrets } from './secret-search.ts';
import { addCounts, TapReader, type TestCounts } from './tap.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { tracesVariable } from './traces.ts';

/**
 * Tests that stop, cut or flood things, after the others and a test at a time: two files at once of those that mostly wait for something to
 * come back, and one of those that load the machine.
 */
const waitingTests = new Set(['outages', 'clocks', 'redis-failover'].map((name) => `test/faults/${name}.test.ts`));
const loadingTests = new Set([
  'test/faults/overload.test.ts',
  'test/security/idle-connections.test.ts',
  'test/security/slow-clients.test.ts',
]);

const staticChecks: [title: string, args: string[]][] = [
  ["Types of the console's page (vue-tsc)", ['apps/console/page/check-types.js']],
  ['Lint (oxlint)', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']],
  ['Format (oxfmt)', ['node_modules/oxfmt/bin/oxfmt', '--check']],
  ['Unused code (knip)', ['node_modules/knip/bin/knip.js']],
];

/** Without types, lint, format and unused code: for those who run the same tests many times. */
const testsOnly = process.argv[2] === '--tests-only';
const patterns = process.argv.slice(testsOnly ? 3 : 2);

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => stopping.abort());
// The channel tells us when our parent is gone; it must not keep us alive.
process.channel?.unref();

const isWholeRun = process.argv.length <= 2;
const load = watchLoad();
if (isWholeRun)
  console.log(
    'All tests take from 10 minutes to half an hour on two cores, by how fast they are and what else they do. Some: npm test -- test/….test.ts',
  );

/** What failed, told again at the end: of a long run many see the last lines only. */
const failures: string[] = [];
let counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
try {
  // Most tests wait for something most of the time: the checks get by on what they leave.
  const checking = testsOnly ? undefined : runChecks();
  counts = await runTests(patterns);
  counts = addCounts(counts, { passed: 0, failed: (await checking) ?? 0, skipped: 0 });
} catch (error) {
  if (!stopping.signal.aborted) console.error(error instanceof Error ? error.message : error);
  counts = addCounts(counts, { passed: 0, failed: 1, skipped: 0 });
}
if (stopping.signal.aborted) console.log('Interrupted: the rest did not run.');
if (failures.length > 0) console.log(['Failed:', ...failures].join('\n'));
const busy = counts.failed > 0 ? load.describe() : undefined;
if (busy !== undefined) console.log(busy);
load.stop();
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || stopping.signal.aborted ? 1 : 0;

/** @returns how many failed */
async function runChecks(): Promise<number> {
  let failed = 0;
  for (const [title, args] of staticChecks) if (!(await runCheck(title, args))) failed++;
  return failed;
}

async function runCheck(title: string, args: string[]): Promise<boolean> {
  const start = performance.now();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const status = await runNode({
    args,
    cwd: rootDir,
    signal: stopping.signal,
    onLine,
    readsErrors: true,
    isPatient: true,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (status !== 0) {
    console.log(lines.join('\n'));
    failures.push(`  ✘ ${title}`, ...lines);
  }
  console.log(`${title}: ${status === 0 ? 'passed' : 'FAILED'} (${seconds} s)`);
  return status === 0;
}

async function runTests(patterns: string[]): Promise<TestCounts> {
  const folder = await createTemporaryFolder('test');
  let servers: ProvidedServers | undefined;
  try {
    servers = await startServers(folder.path);
    const env = testEnvironment(folder.path, servers);
    const traces = join(folder.path, 'traces');
    env[tracesVariable] = traces;
    const counts = await runFiles(patterns, env);
    return addCounts(counts, await checkSecrets(traces, patterns.length === 0));
  } finally {
    const left = killLeftOvers('TMPDIR', folder.path);
    if (left.length > 0) console.log(`Ended ${left.length} processes that tests left behind:\n  ${left.join('\n  ')}`);
    await servers?.stop();
    await folder.remove();
  }
}

async function runFiles(patterns: string[], env: NodeJS.ProcessEnv): Promise<TestCounts> {
  const files = patterns.length > 0 ? patterns : listTestFiles();
  let all: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  const isLate = (file: string) => waitingTests.has(file) || loadingTests.has(file);
  const phases: [of: (file: string) => boolean, filesAtOnce?: number][] = [
    [(file) => !isLate(file)],
    [(file) => waitingTests.has(file), 2],
    [(file) => loadingTests.has(file), 1],
  ];
  for (const [isOf, filesAtOnce] of phases) {
    const these = files.filter(isOf);
    if (these.length > 0) all = addCounts(all, await runAva(these, filesAtOnce, env));
  }
  return all;
}

/** Whether a secret of any test came up in plain in any log or Redis of the run; counts as one test. */
async function checkSecrets(traces: string, isWholeRun: boolean): Promise<TestCounts> {
  const start = performance.now();
  const { secrets, files, bytes, found } = await searchSecrets(traces);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  // A whole run that has nothing to search has lost its traces.
  const isPassed = found.length === 0 && !(isWholeRun && (secrets === 0 || files === 0));
  const lines = [
    `  ${isPassed ? '✔' : '✘'} no log and no Redis of the run holds a secret of the tests in plain ` +
      `(${secrets} secrets, ${files} files, ${(bytes / 1e6).toFixed(0)} MB, ${seconds} s)`,
    ...found.map((line) => `    ${line}`),
  ];
  console.log(lines.join('\n'));
  if (!isPassed) failures.push(...lines);
  return isPassed ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

async function startServers(dir: string): Promise<ProvidedServers> {
  const wanted: ('redis' | 'mariadb')[] = [];
  if (!process.env['REDIS_URL']) wanted.push('redis');
  if (!process.env['DATABASE_URL']) wanted.push('mariadb');
  if (wanted.length > 0) console.log(`Starting ${wanted.join(' and ')} for the tests …`);
  return provideServers({ wanted, rootDir, dir, ephemeral: true, log: console.log, signal: stopping.signal });
}

/** The variables of the programs themselves are taken away: a test says what it wants them to be. */
function testEnvironment(temporaryDir: string, servers: ProvidedServers): NodeJS.ProcessEnv {
  const env = { ...process.env };
  env['TEST_DATABASE_URL'] = servers.adminUrl ?? env['DATABASE_URL'];
  env['TEST_REDIS_URL'] = servers.redisUrl ?? env['REDIS_URL'];
  env['TMPDIR'] = temporaryDir;
  for (const name of [
    'DATABASE_URL',
    'DATABASE_REPLICA_URL',
    'REDIS_URL',
    'REDIS_CACHE_URL',
    'WECHAT_API_BASE',
    'PORT',
  ]) {
    delete env[name];
  }
  return env;
}

function listTestFiles(): string[] {
  return (
    readdirSync(join(rootDir, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `test/${name}`)
      // Minutes of real pm2, of stores that move and of what is killed: npm run test:life
      .filter((name) => !name.startsWith('test/life/'))
      .toSorted()
  );
}

/** @param filesAtOnce default: as ava.config.js says */
async function runAva(files: string[], filesAtOnce: number | undefined, env: NodeJS.ProcessEnv): Promise<TestCounts> {
  const reader = new TapReader();
  const onLine = (line: string) => {
    const shown = reader.read(line);
    if (shown !== undefined) console.log(shown);
  };
  const flags = ['--tap', ...(filesAtOnce === undefined ? [] : [`--concurrency=${filesAtOnce}`])];
  const compiled = files.map((file) => `dist/${file.replace(/ts$/, 'js')}`);
  const args = ['node_modules/ava/entrypoints/cli.mjs', ...flags, ...compiled];
  const status = await runNode({ args, cwd: rootDir, env, signal: stopping.signal, onLine });
  const counts = reader.end(status);
  failures.push(...reader.failures);
  return counts;
}
