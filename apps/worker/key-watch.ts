import { setTimeout } from 'node:timers/promises';
import type { Log } from '../../shared/log/log.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import type { RedisClock } from '../../shared/redis/clock.ts';
import { forgetKeyless, noteKeyless } from '../../shared/redis/keyless.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { findLockedApps } from './wait-for-keys.ts';

const intervalMs = 5000;
/** For so long the same is not logged again. */
const repeatMs = 60_000;

/**
 * Looks every five seconds whether the secrets can be read here, while the worker waits for keys and while it serves: they may be encrypted
 * anew at any time. What can't be is logged once a minute and noted in Redis, where front ends see it.
 */
export function watchKeys(deps: {
  readonly apps: AppSettings<AppWithSecret>;
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly instance: string;
  readonly log: Log;
}): { close(): Promise<void> } {
  const { apps, commands, clock, instance, log } = deps;
  const closing = new AbortController();
  let isNoted = false;
  let toldAt = Number.NEGATIVE_INFINITY;

  const look = async (): Promise<void> => {
    // While MySQL is away nothing is known of keys.
    const locked = await findLockedApps(apps).catch(() => []);
    if (locked.length === 0) {
      if (isNoted) {
        log.info('the secrets of all apps can be read again');
        await forgetKeyless(commands, instance);
      }
      isNoted = false;
      toldAt = Number.NEGATIVE_INFINITY;
      return;
    }
    if (performance.now() - toldAt >= repeatMs) {
      toldAt = performance.now();
      log.error(
        { appids: locked },
        'WAFER_KEYS lacks the key of app secrets: nobody can log in to these apps here. See: wafer keys status',
      );
    }
    isNoted = true;
    await noteKeyless(commands, clock, instance);
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await look().catch(() => undefined);
      await setTimeout(intervalMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    async close() {
      closing.abort();
      await running;
      if (isNoted) await forgetKeyless(commands, instance).catch(() => undefined);
    },
  };
}
