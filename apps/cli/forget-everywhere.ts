import { ConfigError } from '../../shared/config/config.ts';
import { tellAll, type Obeyed } from '../../shared/redis/control.ts';
import { CommandFailure } from './result.ts';
import { withRedis, type OpenRedis } from './stores.ts';
import { listNames, plural } from './text.ts';

/** How far an order to forget got. */
interface Forgotten extends Obeyed {
  /** Why nobody could be told. */
  readonly unreachable?: string;
}

/** Makes every process read app settings, callers and sessions again. */
export function forgetEverywhere({ commands, clock }: OpenRedis): Promise<Forgotten> {
  return tellAll(commands, clock, { kind: 'forget-cached' });
}

/**
 * As {@link forgetEverywhere}, where it is no fault if Redis is away: processes read app settings and callers again by themselves.
 * @param prepare what has to be in Redis before they read
 */
export async function tryForgetEverywhere(
  env: NodeJS.ProcessEnv,
  prepare?: (redis: OpenRedis) => Promise<void>,
): Promise<Forgotten> {
  try {
    return await withRedis(env, async (redis) => {
      await prepare?.(redis);
      return forgetEverywhere(redis);
    });
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof ConfigError)) throw error;
    return { obeyed: [], silent: [], unreachable: error.message };
  }
}

/** When a change of the apps or callers counts. Within five seconds it does in any case. */
export function describeEffect({ obeyed, silent, unreachable }: Forgotten): string {
  if (unreachable !== undefined) return `It counts within 5 s. Nobody could be told to hurry: ${unreachable}`;
  if (silent.length > 0) return `It counts within 5 s; did not confirm: ${listNames(silent)}`;
  return `It counts now (${plural(obeyed.length, 'running process', 'running processes')}).`;
}
