import { ConfigError, readConfig, type Config } from '../../config/config.ts';
import type { KeyRing } from '../../keys/key-ring.ts';
import { readSettings } from '../settings.ts';
import { describeExposure } from './exposure.ts';
import { fault, ok, type Finding } from './finding.ts';

/** The parts of the configuration that can be used, whatever is wrong with the others. */
export interface UsableSettings {
  readonly database?: Config['database'];
  readonly redis?: Config['redis'];
  readonly loginQueues: number;
  readonly wechat?: Config['wechat'];
  readonly wecom?: Config['wecom'];
  readonly keys?: KeyRing;
  readonly retention?: Config['retention'];
  /** Whether a front end that is started here lets nobody in without a key. */
  readonly requiresCallerKey: boolean;
}

export function checkConfiguration(env: NodeJS.ProcessEnv): { findings: Finding[]; settings: UsableSettings } {
  const database = tryRead(env, 'database')?.database;
  const redis = tryRead(env, 'redis');
  const weixin = tryRead(env, 'wechat');
  const keys = tryRead(env, 'keys')?.keys;
  const retention = tryRead(env, 'retention')?.retention;
  return {
    findings: findFaults(env),
    settings: {
      ...(database && { database }),
      ...(redis && { redis: redis.redis }),
      ...(weixin && { wechat: weixin.wechat, wecom: weixin.wecom }),
      ...(keys && { keys }),
      ...(retention && { retention }),
      requiresCallerKey: tryRead(env, 'callers')?.access.requiresKey ?? false,
      loginQueues: redis?.login.queues ?? 1,
    },
  };
}

function findFaults(env: NodeJS.ProcessEnv): Finding[] {
  try {
    const config = readConfig(env);
    return [ok('configuration', 'every variable can be used'), describeExposure(config)];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((text) =>
      fault(
        'configuration',
        text,
        `Set ${/^\w+/.exec(text)?.[0] ?? 'it'} in the environment; .env.example shows the form.`,
      ),
    );
  }
}

function tryRead(env: NodeJS.ProcessEnv, needed: Parameters<typeof readSettings>[1]): Config | undefined {
  try {
    return readSettings(env, needed);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
