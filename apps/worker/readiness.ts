import { probeRedis } from '../../shared/redis/probe.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { probeReading, probeWriting } from '../../shared/store/probe.ts';
import type { Stores } from '../../shared/system/stores.ts';
import { findLockedApps } from './wait-for-keys.ts';

export interface WorkerReadiness {
  /** It takes jobs: it has joined the others and can read the secrets of all apps. */
  isServing(): boolean;
  /** From now on it does. */
  serves(): void;
  /** Why no job can be done at present; empty: it can. */
  findFaults(): Promise<string[]>;
}

export function createWorkerReadiness(
  { sequelize, commands, cacheRedis }: Pick<Stores, 'sequelize' | 'commands' | 'cacheRedis'>,
  apps: AppSettings<AppWithSecret>,
): WorkerReadiness {
  let isServing = false;
  const findDatabaseFault = async () => {
    if (await fails(probeReading(sequelize))) return 'mysql';
    return (await fails(probeWriting(sequelize))) ? 'mysql_writes' : undefined;
  };
  /** While MySQL is away nothing is known of keys. */
  const lacksKey = async () => (await findLockedApps(apps).catch(() => [])).length > 0;
  return {
    isServing: () => isServing,
    serves: () => void (isServing = true),
    async findFaults() {
      const [redis, cache, database, keys] = await Promise.all([
        fails(probeRedis(commands)),
        fails(probeRedis(cacheRedis)),
        findDatabaseFault(),
        lacksKey(),
      ]);
      const faults = [
        isServing ? undefined : 'starting',
        redis ? 'redis' : undefined,
        cache ? 'redis_cache' : undefined,
        database,
        keys ? 'keys' : undefined,
      ];
      return faults.filter((fault) => fault !== undefined);
    },
  };
}

function fails(probe: Promise<unknown>): Promise<boolean> {
  return probe.then(
    () => false,
    () => true,
  );
}
