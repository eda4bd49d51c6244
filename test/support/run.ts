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

/** Tests that load the machine while they stop, cut or flood things: after the others, one at a time. */
const serialTests = new Set([
  ...['clocks', 'outages', 'overload', 'redis-failover'].map((name) => `test/faults/${name}.test.ts`),
  'test/security/idle-connections.test.ts',
  'test/security/slow-clients.test.ts',
]);

const staticChecks: [title: string, args: string[]][] = [
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
    'All tests take about 10 minutes on a quiet machine with two cores, longer beside other work. Some: npm test -- test/….test.ts',
  );

/** What failed, told again at the end: of a long run many see the last lines only. */
const failures: string[] = [];
let counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const [title, args] of testsOnly ? [] : staticChecks) {
    if (!(await runCheck(title, args))) counts = addCounts(counts, { passed: 0, failed: 1, skipped: 0 });
  }
  counts = addCounts(counts, await runTests(patterns));
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

async function runCheck(title: string, args: string[]): Promise<boolean> {
  const start = performance.now();
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const status = await runNode({ args, cwd: rootDir, signal: stopping.signal, onLine, readsErrors: true });
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
  for (const isSerial of [false, true]) {
    const these = files.filter((file) => serialTests.has(file) === isSerial);
    if (these.length > 0) all = addCounts(all, await runAva(these, isSerial, env));
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
      // Minutes of real pm2: npm run test:life
      .filter((name) => !name.startsWith('test/life/'))
      .toSorted()
  );
}

async function runAva(files: string[], isSerial: boolean, env: NodeJS.ProcessEnv): Promise<TestCounts> {
  const reader = new TapReader();
  const onLine = (line: string) => {
    const shown = reader.read(line);
    if (shown !== undefined) console.log(shown);
  };
  const flags = ['--tap', ...(isSerial ? ['--concurrency=1', '--serial'] : [])];
  const compiled = files.map((file) => `dist/${file.replace(/ts$/, 'js')}`);
  const args = ['node_modules/ava/entrypoints/cli.mjs', ...flags, ...compiled];
  const status = await runNode({ args, cwd: rootDir, env, signal: stopping.signal, onLine });
  failures.push(...reader.failures);
  return reader.counts(status);
}
