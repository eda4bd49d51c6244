import { readConfig, type Config } from '../config/config.ts';
import { createColumnCipher, type ColumnCipher } from '../keys/column-cipher.ts';

const placeholders: Record<string, string> = {
  DATABASE_URL: 'mysql://user@127.0.0.1/cAuth',
  REDIS_URL: 'redis://127.0.0.1',
};
const variables = {
  database: ['DATABASE_URL', 'DATABASE_REPLICA_URL'],
  redis: ['REDIS_URL', 'REDIS_CACHE_URL', 'LOGIN_QUEUES'],
  callers: ['REQUIRE_CALLER_KEY'],
  keys: ['WAFER_KEYS'],
  console: ['CONSOLE_URL', 'CONSOLE_HOST', 'CONSOLE_PORT'],
  events: ['EVENTS_PRIVATE_TARGETS'],
  retention: ['SESSION_RETENTION_DAYS', 'AUDIT_RETENTION_DAYS'],
  wechat: [
    'WECHAT_API_BASE',
    'WECHAT_TOKEN_URL',
    'WECHAT_COMPONENT_TOKEN_URL',
    'WECHAT_AUTHORIZER_TOKEN_URL',
    'WECOM_API_BASE',
    'WECHAT_TIMEOUT_MS',
    'LOGIN_DEADLINE_MS',
  ],
} as const;

/**
 * The configuration as far as it is needed: what only talks to Redis works where there is no database.
 * @throws {ConfigError} with the faults of the variables that are needed
 */
export function readSettings(env: NodeJS.ProcessEnv, needed: keyof typeof variables): Config {
  return readConfig({ ...placeholders, ...Object.fromEntries(variables[needed].map((name) => [name, env[name]])) });
}

/** What WAFER_KEYS of this process encrypts and decrypts. @throws {ConfigError} if it can't be used */
export function readCipher(env: NodeJS.ProcessEnv): ColumnCipher {
  return createColumnCipher(readSettings(env, 'keys').keys);
}
