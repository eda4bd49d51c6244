import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { rootDir } from '../../support/built.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const home = await createTemporaryFolder('home');
test.after.always(home.remove);

const run = (program: string, args: readonly string[], cwd: string): Promise<Run> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: home.path, NPM_CONFIG_OFFLINE: 'true' };
    execFile(program, [...args], { cwd, env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

for (const [how, args] of [
  ['npx wafer', ['npx', 'wafer']],
  ['npm run wafer --', ['npm', 'run', '--silent', 'wafer', '--']],
  ['apps/cli/wafer.js', [join(rootDir, 'apps/cli/wafer.js')]],
] as const) {
  test(`${how} runs the command line in a checkout`, async (t) => {
    const [program, ...first] = args;
    const good = await run(program, [...first, 'queue', '--help'], rootDir);
    t.is(good.status, 0, good.stderr);
    t.regex(good.stdout, /Usage: wafer queue/);
    t.is((await run(program, [...first, 'frobnicate'], rootDir)).status, 2);
  });
}

test('wafer says how to build where nothing is built', async (t) => {
  const folder = await createTemporaryFolder('not-built');
  t.teardown(folder.remove);
  for (const each of ['apps/cli', 'apps/local']) await mkdir(join(folder.path, each), { recursive: true });
  for (const file of ['package.json', 'apps/cli/wafer.js', 'apps/local/check-built.cjs'])
    await copyFile(join(rootDir, file), join(folder.path, file));
  for (const args of [
    ['npx', 'wafer'],
    ['npm', 'run', '--silent', 'wafer', '--'],
  ]) {
    const [program = '', ...first] = args;
    const { status, stdout, stderr } = await run(program, [...first, 'doctor', '--json'], folder.path);
    t.is(status, 1);
    t.regex(stderr, /^wafer: .*npm run build$/m);
    t.is(JSON.parse(stdout).error.code, 'not_built');
  }
});
