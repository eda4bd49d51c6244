// Production with pm2: npm run build && npx pm2 start ecosystem.config.js
// pm2 reads the named export `apps` of an ES module, not a default export.
import { readEnvFile } from './dist/shared/config/env-file.js';

const rootDir = import.meta.dirname;
/** The variables of .env that pm2 was not started with. */
const env = readEnvFile(rootDir, process.env);
const variables = { ...process.env, ...env };

/** An empty variable counts as absent, as everywhere. */
function readProcessCount(name, byDefault) {
  const text = variables[name] || String(byDefault);
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new Error(`${name} must be a number of processes from 1 to 999`);
  return Number(text);
}

const common = {
  cwd: rootDir,
  env,
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

export const apps = [
  {
    ...common,
    name: 'web',
    // Encrypts what a front end never reads.
    env: { ...env, WAFER_KEYS: '' },
    script: 'dist/apps/web/main.js',
    exec_mode: 'cluster',
    instances: readProcessCount('WEB_PROCESSES', 2),
    max_memory_restart: '768M',
  },
  {
    ...common,
    name: 'worker',
    script: 'dist/apps/worker/main.js',
    // Why: shared/lifecycle/worker-flags.ts
    node_args: ['--max-semi-space-size=64'],
    exec_mode: 'fork',
    instances: readProcessCount('WORKER_PROCESSES', 2),
    max_memory_restart: '768M',
    // Each worker its own health port: the given one, the next, …
    ...(variables.WORKER_HEALTH_PORT ? { increment_var: 'WORKER_HEALTH_PORT' } : {}),
  },
];
