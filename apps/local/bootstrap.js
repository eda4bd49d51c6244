// Plain JavaScript without dependencies: this runs in a fresh clone, before anything is installed or built.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const rootDir = fileURLToPath(new URL('../..', import.meta.url));
/** What is compiled: the product alone, or with it the tests, the soak and the bench, which run as compiled too. */
const product = { configs: ['tsconfig.build.json'], folders: ['apps', 'shared'], stamp: '.built-from' };
const everything = {
  // What mini programs run is compiled for them.
  configs: ['tsconfig.json', 'packages/client/tsconfig.json'],
  folders: ['apps', 'shared', 'packages/node/src', 'packages/client/src', 'test', 'bench'],
  stamp: '.all-built-from',
};
/** The console's page, which a program of its own builds: its sources are no modules of ours, nor are its files in dist. */
const page = { folder: 'apps/console/page', stamp: '.page-built-from' };
/** Writes the programs themselves again, in few files, which start sooner. */
const bundler = 'apps/local/bundle.js';
/** Below dist: what those files share. */
const sharedChunks = 'apps/chunks';
const distDir = join(rootDir, 'dist');
const parentPollMs = 1000;
const slowAfterMs = 15_000;
const folderAdvice = `${rootDir} has to be yours and writable: run this in a copy that belongs to you, or make it yours: sudo chown -R "$(id -un)" '${rootDir}'`;
const networkAdvice =
  'The packages come from the registry that npm is set to. Is there a network? Behind a slow one, a mirror helps: npm config set registry https://registry.npmmirror.com (README)';

const [command, ...args] = process.argv.slice(2);
let child;
let stoppedBy;

// We stay until the child has put everything away, and leave with its status.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => forward(signal));
watchParent();
await main().catch(describeFailure);

async function main() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node.js 20.19 or newer is needed; this is ${process.version}.`);
    process.exit(1);
  }
  if (command !== 'start' && command !== 'test' && command !== 'build') {
    console.error('Usage: node apps/local/bootstrap.js start|test|build [all]');
    process.exit(1);
  }
  if (!packagesAreCurrent()) await installPackages();
  await build(command === 'test' || args[0] === 'all' ? everything : product);
  await buildPage();
  if (command === 'start')
    exitWith(await run(process.execPath, ['--enable-source-maps', 'dist/apps/local/main.js', ...args], 'inherit'));
  if (command === 'test')
    exitWith(await run(process.execPath, ['--enable-source-maps', 'dist/test/support/run.js', ...args], 'inherit'));
}

/** Of a folder that can't be written to: what to do, and no stack trace. Anything else is a bug. */
function describeFailure(error) {
  if (!/^(EACCES|EPERM|EROFS|ENOSPC)$/.test(error?.code ?? '')) throw error;
  console.error(`${error.message}\n${folderAdvice}`);
  process.exit(1);
}

async function installPackages() {
  // npm ci empties node_modules first, which is right after an interrupted installation too.
  const flags = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  await step(
    'Installing the packages (npm ci)',
    () => {
      const npm = process.env.npm_execpath;
      return npm && /\.c?js$/.test(npm) ? run(process.execPath, [npm, ...flags]) : run('npm', flags);
    },
    networkAdvice,
  );
}

async function build(project) {
  if (command !== 'build' && isBuilt(project)) return;
  // Everything has the product in it. What changes while it is compiled is for the next time.
  const stamps = (project === everything ? [everything, product] : [product]).map((each) => ({
    file: join(distDir, each.stamp),
    fingerprint: fingerprintOf(each),
  }));
  for (const { file } of stamps) rmSync(file, { force: true });
  await step('Building (tsc)', async () => {
    for (const config of project.configs) {
      const result = await run(process.execPath, [
        'node_modules/typescript/bin/tsc',
        '-p',
        config,
        '--pretty',
        'false',
      ]);
      if (result.status !== 0) return result;
    }
    return { status: 0, output: '' };
  });
  removeStaleOutput(project);
  await step('Bundling the programs (rolldown)', () => run(process.execPath, [bundler]));
  for (const { file, fingerprint } of stamps) writeFileSync(file, fingerprint);
}

/** Takes seconds, so only when a source of it has changed, at `npm run build` too. */
async function buildPage() {
  const stamp = join(distDir, page.stamp);
  const fingerprint = hashOf([...listFiles([page.folder], ''), 'package-lock.json']);
  if (hasStamp(stamp, fingerprint) && existsSync(join(distDir, page.folder, 'index.html'))) return;
  rmSync(stamp, { force: true });
  await step("Building the console's page (vite)", () =>
    run(process.execPath, ['node_modules/vite/bin/vite.js', 'build', page.folder, '--logLevel', 'warn']),
  );
  writeFileSync(stamp, fingerprint);
}

function isBuilt(project) {
  return hasStamp(join(distDir, project.stamp), fingerprintOf(project));
}

function hasStamp(file, fingerprint) {
  return existsSync(file) && readFileSync(file, 'utf8') === fingerprint;
}

/** True if node_modules holds exactly what package-lock.json asks for (npm writes what it installed into a hidden lock file). */
function packagesAreCurrent() {
  const wanted = readPackages(join(rootDir, 'package-lock.json'));
  const installed = readPackages(join(rootDir, 'node_modules', '.package-lock.json'));
  if (!wanted || !installed) return false;
  delete wanted[''];
  // Optional packages are those of other platforms.
  const isComplete = Object.entries(wanted).every(([path, { version, optional }]) =>
    installed[path] ? installed[path].version === version : optional,
  );
  return isComplete && Object.keys(installed).every((path) => path in wanted);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function listSources(folders) {
  return listFiles(folders, '.ts').filter((file) => !file.includes('node_modules') && !isOfPage(file));
}

function isOfPage(file) {
  return file.startsWith(`${page.folder}/`) || file.startsWith(`dist/${page.folder}/`);
}

function listFiles(folders, ending) {
  return folders.flatMap((folder) =>
    existsSync(join(rootDir, folder))
      ? readdirSync(join(rootDir, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
          .map((entry) => relative(rootDir, join(entry.parentPath, entry.name)))
      : [],
  );
}

function fingerprintOf({ configs, folders }) {
  const settings = new Set([bundler, 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...configs]);
  return hashOf([...listSources(folders), ...settings]);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files.toSorted((one, other) => (one < other ? -1 : 1)))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(rootDir, file)))
      .update('\0');
  return hash.digest('hex');
}

/** What was compiled from files that are gone; the rest stays in place, since an `npm start` may be running from it. */
function removeStaleOutput({ folders }) {
  const sources = new Set(listSources(folders));
  const outputs = listFiles(
    folders.map((folder) => `dist/${folder}`),
    '.js',
  );
  for (const output of outputs) {
    if (isOfPage(output) || output.startsWith(`dist/${sharedChunks}/`)) continue;
    if (sources.has(output.slice('dist/'.length).replace(/js$/, 'ts'))) continue;
    for (const suffix of ['', '.map']) rmSync(join(rootDir, output + suffix), { force: true });
  }
}

/**
 * Says what goes on and how long it took; ends everything when it fails.
 */
async function step(title, work, advice = '') {
  console.log(`${title} …`);
  const start = performance.now();
  const timer = setInterval(() => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`${title}: still at it after ${seconds} s${advice === '' ? '' : `. ${advice}`}`);
  }, slowAfterMs);
  const { status, output } = await work();
  clearInterval(timer);
  if (status === 0) return console.log(`${title}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const isOfFolder = /\b(EACCES|EPERM|EROFS|ENOSPC)\b/.test(output);
  console.error([output.trimEnd(), `${title} failed.`, isOfFolder ? folderAdvice : advice].filter(Boolean).join('\n'));
  return exitWith({ status });
}

function run(program, programArgs, output = 'pipe') {
  return new Promise((settle) => {
    let text = '';
    // Through the channel the child learns when this process is killed.
    const stdio = output === 'inherit' ? ['inherit', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', 'pipe'];
    child = spawn(program, programArgs, {
      cwd: rootDir,
      stdio: stdio,
    });
    child.stdout?.on('data', (chunk) => (text += chunk));
    child.stderr?.on('data', (chunk) => (text += chunk));
    child.once('error', (error) => settle({ status: 1, output: `${program}: ${error.message}` }));
    child.once('close', (code, signal) => {
      child = undefined;
      settle({ status: code ?? 128 + (signal ? constants.signals[signal] : 1), output: text });
    });
    if (stoppedBy) child.kill(stoppedBy);
  });
}

function forward(signal) {
  stoppedBy = signal;
  child?.kill(signal);
}

function exitWith({ status }) {
  process.exit(status);
}

/** npm itself may be killed without a chance to tell us; between it and us there may be a shell. */
function watchParent() {
  if (!process.env.npm_lifecycle_event) return;
  const ancestors = () => {
    const [, command, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(readProc(`${process.ppid}/stat`)) ?? [];
    return `${process.ppid} ${/^(ba|da)?sh$/.test(command ?? '') ? parent : ''}`;
  };
  const first = ancestors();
  setInterval(() => {
    if (!stoppedBy && ancestors() !== first) forward('SIGTERM');
  }, parentPollMs).unref();
}

/** Empty where there is no such process, or no /proc at all. */
function readProc(name) {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}
