import { ConfigError } from '../config/config.ts';
import { tellAll, type Obeyed } from '../redis/control.ts';
import { AdministrationFailure } from './failure.ts';
import type { OpenRedis, UseRedis } from './stores.ts';

/** How far an order to forget got. */
export interface Forgotten extends Obeyed {
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
  useRedis: UseRedis,
  prepare?: (redis: OpenRedis) => Promise<void>,
): Promise<Forgotten> {
  try {
    return await useRedis(async (redis) => {
      await prepare?.(redis);
      return forgetEverywhere(redis);
    });
  } catch (error) {
    if (!(error instanceof AdministrationFailure || error instanceof ConfigError)) throw error;
    return { obeyed: [], silent: [], unreachable: error.message };
  }
}
