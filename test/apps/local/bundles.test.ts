import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { programArgs, rootDir } from '../../support/built.ts';

type Program = Parameters<typeof programArgs>[0];

const programs = ['web/main', 'worker/main', 'wechat-simulator/main', 'cli/main', 'cli/migrate'] as const;

/** @param atExit JavaScript that the process runs when it ends @returns what that has written, and what the program has */
function run(program: Program, args: readonly string[], atExit: string): string {
  const preloaded = `import { writeSync } from 'node:fs';
    import { createRequire, register } from 'node:module';
    const require = createRequire(${JSON.stringify(import.meta.url)});
    ${atExit}`;
  const url = `data:text/javascript,${encodeURIComponent(preloaded)}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', url, ...programArgs(program), ...args], {
    cwd: rootDir,
    // Without a database no service starts, after everything has been loaded.
    env: { PATH: process.env['PATH'], WECHAT_SIMULATOR_PORT: 'none' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return stdout + stderr;
}

for (const program of programs)
  test(`${program}.js is started from fewer than fifty files`, (t) => {
    const loader = `import { writeSync } from 'node:fs';
      export async function load(url, context, next) {
        if (url.startsWith('file:')) writeSync(2, 'loads ' + url + '\\n');
        return next(url, context);
      }`;
    const args = program.startsWith('cli/') ? ['--help'] : [];
    const said = run(
      program,
      args,
      `register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(loader)}));
       process.on('exit', () => Object.keys(require.cache).forEach((file) => writeSync(2, 'loads file://' + file + '\\n')));`,
    );
    const files = new Set(said.split('\n').filter((line) => line.startsWith('loads ')));
    t.true(files.has(`loads file://${join(rootDir, 'dist/apps', `${program}.js`)}`), said);
    t.true(files.size < 50, [...files].join('\n'));
  });

for (const [program, part] of [
  ['worker/main', 'msgpackr-extract'],
  ['console/main', 'argon2'],
] as const)
  test(`${program}.js has the native part of ${part}, as it would without a bundle`, (t) => {
    const said = run(
      program,
      [],
      `process.on('exit', () => writeSync(2, process.report.getReport().sharedObjects.join('\\n')));`,
    );
    t.regex(said, new RegExp(`/${part}[^\n]*\\.node$`, 'm'));
  });

test('the stack of an error in a built program names file and line of the source', (t) => {
  const said = run('web/main', [], `process.on('exit', () => writeSync(2, new Error('here').stack + '\\n'));`);
  const [, file = '', line = ''] = /at .*runService.* \(?(?:file:\/\/)?(\/.*\.ts):(\d+):\d+/.exec(said) ?? [];
  t.is(file, join(rootDir, 'shared/lifecycle/run.ts'), said);
  t.regex(readFileSync(file, 'utf8').split('\n')[Number(line) - 1] ?? '', /process\.exit\(1\)/);
});
