import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { programArgs, rootDir } from '../../support/built.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Run> {
  const env = { PATH: process.env['PATH'], HOME: cwd, DATABASE_URL: '', REDIS_URL: '' };
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** The real npm, in the folder of the package. */
const npm = (...args: string[]) => run('npm', ['run', ...args], rootDir);

test('options that npm took for itself are named, and nothing is done', async (t) => {
  for (const [args, names] of [
    [
      ['wafer', 'app', 'set', 'wx0123456789abcdef', '--default', '--policy', 'multi'],
      ['--default', '--policy'],
    ],
    [['wafer', 'session', 'show', '--open-id', 'oABC'], ['--open-id']],
    [['wafer', 'app', 'set', 'wx0123456789abcdef', '--max-sessions=3'], ['--max-sessions']],
    [['migrate', '--json'], ['--json']],
  ] as const) {
    const { status, stderr } = await npm(...args);
    t.not(status, 0, args.join(' '));
    for (const name of names) t.regex(stderr, new RegExp(`${name}.* went to npm\\. Put -- before`), args.join(' '));
    t.notRegex(stderr, /secret is not taken|reset it/, args.join(' '));
  }
});

test('behind -- options are the program’s', async (t) => {
  const { stderr } = await npm('wafer', '--', 'app', 'set', 'wx0123456789abcdef', '--default', '--polcy', 'multi');
  t.notRegex(stderr, /went to npm/);
  t.regex(stderr, /unknown option '--polcy'/);
});

test('where the last npm start does not run any more, the command says so', async (t) => {
  const folder = await createTemporaryFolder('stopped');
  t.teardown(folder.remove);
  const [database, redis] = [await findFreePort(), await findFreePort()];
  mkdirSync(join(folder.path, '.data'));
  writeFileSync(
    join(folder.path, '.data/environment.json'),
    JSON.stringify({
      DATABASE_URL: `mysql://u:p@127.0.0.1:${database}/cAuth`,
      REDIS_URL: `redis://127.0.0.1:${redis}`,
    }),
  );
  for (const command of [
    ['app', 'list'],
    ['cache', 'clear'],
  ]) {
    const { status, stderr } = await run(process.execPath, [...programArgs('cli/main'), ...command], folder.path);
    t.is(status, 1);
    t.regex(stderr, /last npm start in this folder, which does not seem to run/, command.join(' '));
  }
});

test('before a build, and with a Node that is too old, every script says what to do', async (t) => {
  const folder = await createTemporaryFolder('not-built');
  t.teardown(folder.remove);
  mkdirSync(join(folder.path, 'apps/local'), { recursive: true });
  for (const file of ['package.json', 'apps/local/check-built.cjs'])
    copyFileSync(join(rootDir, file), join(folder.path, file));
  const old = join(folder.path, 'old.cjs');
  writeFileSync(old, "Object.defineProperty(process.versions, 'node', { value: '18.20.0' });");
  const { scripts } = JSON.parse(readFileSync(join(rootDir, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const script of ['web', 'worker', 'migrate', 'wafer', 'wechat-simulator']) {
    const { status, stderr } = await run('npm', ['run', script], folder.path);
    t.is(status, 1, script);
    t.regex(stderr, /not built yet. Run: npm ci && npm run build/, script);
    t.notRegex(stderr, /MODULE_NOT_FOUND|at Module/, script);
    // Without npm, which is as slow as what it starts.
    const command = scripts[script]?.replace(/^exec node/, `exec node --require ${old}`) ?? '';
    t.regex((await run('sh', ['-c', command], folder.path)).stderr, /Node\.js 20\.19 or newer is needed/, script);
  }
});
