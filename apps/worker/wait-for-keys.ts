import { setTimeout } from 'node:timers/promises';
import type { Log } from '../../shared/log/log.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';

const retryMs = 500;

/** Apps whose secret is encrypted with a key that this process does not have: nobody can log in to them here. */
export async function findLockedApps(apps: AppSettings<AppWithSecret>): Promise<string[]> {
  const { byAppid } = await apps.current();
  return [...byAppid.values()].filter(({ secretFault }) => secretFault === 'key_missing').map(({ appid }) => appid);
}

/** Waits until every app's secret can be read: a worker without the key would fail log-ins that another one can do. */
export async function waitForKeys(apps: AppSettings<AppWithSecret>, signal: AbortSignal, log: Log): Promise<void> {
  for (let isTold = false; ; isTold = true) {
    // While MySQL is away nothing is known of keys, and a log-in fails for that.
    const locked = await findLockedApps(apps).catch(() => []);
    if (locked.length === 0) return;
    if (!isTold)
      log.error(
        { appids: locked },
        'WAFER_KEYS lacks the key of app secrets: no jobs are taken. See: wafer keys status',
      );
    await setTimeout(retryMs, undefined, { signal });
  }
}
