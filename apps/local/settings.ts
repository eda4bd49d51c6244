import { readConfig } from '../../shared/config/config.ts';

export interface StartSettings {
  port: number;
  host: string;
  /** Undefined: a private server is started. */
  databaseUrl: string | undefined;
  /** Whether a database that `npm start` did not make may be migrated, and get the demo app. */
  adoptsDatabase: boolean;
  redisUrl: string | undefined;
  /** Undefined: decided by the apps that are configured. */
  wechatApiBase: string | undefined;
  /** 0: any free port. */
  simulatorPort: number;
  /** undefined: the usual one, or any if that is taken; 0: any */
  consolePort: number | undefined;
  consoleHost: string;
}

/** Checks the variables of all processes before anything is started. Throws a ConfigError with every fault. */
export function readStartSettings(env: NodeJS.ProcessEnv): StartSettings {
  // The addresses that will be given to the children are not known yet.
  const placeholders = { DATABASE_URL: 'mysql://user@127.0.0.1/cAuth', REDIS_URL: 'redis://127.0.0.1' };
  const trimmed = Object.entries(env).map(([name, value]) => [name, value?.trim()] as const);
  const given = Object.fromEntries(trimmed.filter(([, value]) => value !== ''));
  const config = readConfig({ ...placeholders, ...given });
  const simulatorPort = Number(given['WECHAT_SIMULATOR_PORT'] ?? 0);
  if (!Number.isInteger(simulatorPort) || simulatorPort < 0 || simulatorPort > 65535) {
    throw new Error('WECHAT_SIMULATOR_PORT must be a port from 0 to 65535');
  }
  if (!['true', 'false', undefined].includes(given['START_ADOPTS_DATABASE']))
    throw new Error('START_ADOPTS_DATABASE must be true or false');
  return {
    port: config.http.port,
    host: config.http.host,
    databaseUrl: given['DATABASE_URL'],
    adoptsDatabase: given['START_ADOPTS_DATABASE'] === 'true',
    redisUrl: given['REDIS_URL'],
    wechatApiBase: given['WECHAT_API_BASE'],
    simulatorPort,
    consolePort: given['CONSOLE_PORT'] === undefined ? undefined : config.console.port,
    consoleHost: config.console.host,
  };
}
