// Production with pm2: npm run build && npx pm2 start ecosystem.config.js
// After any change of .env or of the shell's variables: npx pm2 reload ecosystem.config.js
// pm2 reads the named export `apps` of an ES module, not a default export.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readEnvFile } from './dist/apps/cli/env-file.js';

const rootDir = import.meta.dirname;
const envFile = join(rootDir, '.env');
const fromFile = existsSync(envFile) ? readEnvFile(rootDir, {}) : undefined;
/** pm2 keeps what it was given before: with a .env, a variable that is in neither place any more is emptied, which counts as absent. */
const absent = fromFile === undefined ? {} : Object.fromEntries(readKnownNames().map((name) => [name, '']));
/** What the shell does not say. */
const env = Object.fromEntries(
  Object.entries({ ...absent, ...fromFile }).filter(([name]) => process.env[name] === undefined),
);
const variables = { ...process.env, ...env };

for (const name of ['DATABASE_URL', 'REDIS_URL']) {
  // A reload would replace processes that work by some that can't start.
  if (fromFile !== undefined && !variables[name]) throw new Error(`${name} is neither in .env nor in this shell`);
}
if (process.env.WAFER_KEYS) keepKeysFromDaemon();
// Else pm2 would give it to every process; the workers and the console get it below.
delete process.env.WAFER_KEYS;

/** Every variable that .env.example shows, set or commented out. */
function readKnownNames() {
  const template = join(rootDir, '.env.example');
  const text = existsSync(template) ? readFileSync(template, 'utf8') : '';
  return [...text.matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
}

/**
 * pm2's daemon hands its own environment on to front ends, whatever stands here. One that was started by this very command, with
 * WAFER_KEYS from the shell, is replaced by one without, and the command is run again.
 */
function keepKeysFromDaemon() {
  const [node, pm2, ...args] = process.argv;
  const daemonHasKeys = () => {
    try {
      const pid = readFileSync(join(process.env.PM2_HOME || join(homedir(), '.pm2'), 'pm2.pid'), 'utf8').trim();
      return (
        Number(pid) !== process.pid && /(^|\0)WAFER_KEYS=[^\0]/.test(readFileSync(`/proc/${pid}/environ`, 'latin1'))
      );
    } catch {
      return false;
    }
  };
  if (!daemonHasKeys()) return;
  const { WAFER_KEYS: _, ...without } = process.env;
  const run = (...command) => spawnSync(node, [pm2, ...command], { env: without, encoding: 'utf8' });
  const listed = run('jlist', '--silent').stdout.trim();
  if (listed !== '[]') {
    console.warn(
      'WAFER_KEYS is in the environment of pm2 itself, and so in that of every front end. Put it into .env alone; then, with a short outage: ' +
        'npx pm2 kill; env -u WAFER_KEYS npx pm2 start ecosystem.config.js',
    );
    return;
  }
  run('kill');
  run('ping');
  if (daemonHasKeys())
    throw new Error('pm2 can not be started without WAFER_KEYS: put it into .env, not into the shell');
  process.exit(spawnSync(node, [pm2, ...args], { stdio: 'inherit' }).status ?? 1);
}

/** An empty variable counts as absent, as everywhere. */
function readProcessCount(name, byDefault) {
  const text = variables[name] || String(byDefault);
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new Error(`${name} must be a number of processes from 1 to 999`);
  return Number(text);
}

const common = {
  cwd: rootDir,
  env,
  // An error is told with file and line of the source.
  node_args: ['--enable-source-maps'],
  // A process announces itself; without this pm2 takes it as ready when it runs, and after listen_timeout in any case (3 s by default).
  wait_ready: true,
  listen_timeout: 30_000,
  // Longer than the 14 s after which a process that does not end in order ends itself.
  kill_timeout: 16_000,
  // How often pm2 looks whether a process has ended.
  kill_retry_time: 100,
  exp_backoff_restart_delay: 100,
  watch: false,
  // One file for all processes of an app; each line says which process wrote it and when.
  merge_logs: true,
  time: false,
  // pm2 need not look for a git repository at each start.
  vizion: false,
};

const workers = readProcessCount('WORKER_PROCESSES', 2);
// pm2 makes so many when it starts an app; a reload keeps as many as there are, however many the autoscaler has made.
const mostWorkers = readProcessCount('WORKERS_MAX', workers);
if (mostWorkers < workers) throw new Error('WORKERS_MAX must be at least WORKER_PROCESSES');
const autoscaler = {
  ...common,
  name: 'autoscaler',
  env: { ...env, WAFER_KEYS: '', CONSOLE_OIDC_CLIENT_SECRET: '' },
  script: 'dist/apps/autoscaler/main.js',
  exec_mode: 'fork',
  instances: 1,
  max_memory_restart: '256M',
};

export const apps = [
  {
    ...common,
    name: 'web',
    // Encrypts what a front end never reads.
    env: { ...env, WAFER_KEYS: '', CONSOLE_OIDC_CLIENT_SECRET: '' },
    script: 'dist/apps/web/main.js',
    exec_mode: 'cluster',
    instances: readProcessCount('WEB_PROCESSES', 2),
    max_memory_restart: '768M',
  },
  {
    ...common,
    name: 'worker',
    // WORKER_HEALTH_PORT is the first worker's; each adds its number to it, which pm2 gives in NODE_APP_INSTANCE.
    env: { ...env, WAFER_KEYS: variables.WAFER_KEYS ?? '', CONSOLE_OIDC_CLIENT_SECRET: '' },
    script: 'dist/apps/worker/main.js',
    // Why: apps/local/worker-flags.ts
    node_args: ['--enable-source-maps', '--max-semi-space-size=64'],
    exec_mode: 'fork',
    instances: workers,
    max_memory_restart: '768M',
  },
  {
    ...common,
    name: 'console',
    env: { ...env, WAFER_KEYS: variables.WAFER_KEYS ?? '' },
    script: 'dist/apps/console/main.js',
    exec_mode: 'fork',
    instances: 1,
    max_memory_restart: '512M',
  },
  ...(variables.WORKERS_MAX ? [autoscaler] : []),
];
