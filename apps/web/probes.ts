import type { Sequelize } from 'sequelize';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { countKeyless } from '../../shared/redis/keyless.ts';
import { listInstances } from '../../shared/redis/presence.ts';
import { probeRedis } from '../../shared/redis/probe.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import { probeReading, probeWriting } from '../../shared/store/probe.ts';
import type { Probes } from './readiness.ts';
import type { WorkerCalls } from './worker-calls.ts';

/** What readiness of a front end depends on. */
export function createProbes(deps: {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly cacheRedis: RedisClient;
  readonly clock: RedisClock;
  readonly apps: AppSettings;
  readonly calls: WorkerCalls;
}): Probes {
  const { sequelize, commands, cacheRedis, clock, apps, calls } = deps;
  return {
    redis: () => probeRedis(commands),
    redisCache: () => cacheRedis.ping(),
    redisCacheWrites: () => probeRedis(cacheRedis),
    mysql: () => probeReading(sequelize),
    mysqlWrites: () => probeWriting(sequelize),
    app: async () => {
      if ((await apps.current()).default === undefined) throw new Error('no app is configured');
    },
    queue: async () => {
      if (!calls.isOpen()) throw new Error('not open yet');
    },
    worker: async () => {
      if ((await listInstances(commands, clock, 'worker')).length === 0) throw new Error('no worker');
    },
    keys: async () => {
      // While Redis is away that is told by its own probe.
      if ((await countKeyless(commands, clock).catch(() => 0)) > 0) throw new Error('a worker lacks a key');
    },
  };
}
