import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvFile } from './env-file.ts';

/** Written by `npm start`, readable by its owner alone: where its private servers are. */
const file = join('.data', 'environment.json');

/** Set where the stores are those of the last `npm start`. */
export const localVariable = 'WAFER_LOCAL';

/**
 * The environment of a command: the process's own with what it lacks from `.env`, as pm2 reads it; or, where these name neither database
 * nor Redis, that of the last `npm start` in this folder, so that `wafer` works beside it without any setting.
 */
export function withLocalEnvironment(given: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const env = { ...readEnvFile(folder, given), ...given };
  if (env['DATABASE_URL'] || env['REDIS_URL']) return env;
  try {
    const local = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, string>;
    // An empty variable counts as absent, as everywhere.
    const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
    return { ...local, ...given, [localVariable]: 'true' };
  } catch {
    return env;
  }
}
