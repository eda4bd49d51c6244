import type { Config } from '../../shared/config/config.ts';
import { createColumnCipher } from '../../shared/keys/column-cipher.ts';
import { describeKeys } from '../../shared/keys/held-keys.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import { announceReady, type Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { createFigures } from '../../shared/metrics/figures.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { createRedisWarning } from '../../shared/redis/outage-warning.ts';
import { probeRedis } from '../../shared/redis/probe.ts';
import { hearControl } from '../../shared/redis/control.ts';
import { createInstanceName, createPresence } from '../../shared/redis/presence.ts';
import { answerRollCalls } from '../../shared/redis/roll-call.ts';
import type { QueueName } from '../../shared/rpc/contract.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { createRpcServer } from '../../shared/rpc/server.ts';
import { untilDone } from '../../shared/retry.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readAppsWithSecrets } from '../../shared/store/app-reader.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import { probeReading, probeWriting } from '../../shared/store/probe.ts';
import { waitForSealKey } from '../../shared/store/seal-key.ts';
import { createHandlers } from './handlers.ts';
import { startHealthServer } from './health.ts';
import { openHealthPort } from './health-port.ts';
import { startVisitWriter } from './jobs/write-visits.ts';
import { watchKeys } from './key-watch.ts';
import { createWorkerMetrics } from './metrics.ts';
import { findLockedApps, waitForKeys } from './wait-for-keys.ts';
import { createWechatClient } from './wechat/client.ts';

/** A worker that has just started or is very busy answers itself late; its callers' deadline is longer than this. */
const commandTimeoutMs = 2500;

/** One worker process, for as long as `close` is not called: opens everything, takes jobs, writes visits. */
export async function startWorker(config: Config, log: Log): Promise<Service> {
  const closer = createCloser(log);
  const instance = createInstanceName('worker');
  const metrics = createWorkerMetrics();

  const sequelize = openDatabase(config.database.primary, config.database);
  closer.add('database', () => sequelize.close());
  const onError = createRedisWarning(log, config.redis.queue, 'REDIS_URL');
  const isOneRedis = config.redis.cache === config.redis.queue;
  const onCacheError = isOneRedis ? onError : createRedisWarning(log, config.redis.cache, 'REDIS_CACHE_URL');
  const commands = connectRedis(config.redis.queue, 'commands', { commandTimeoutMs, onError });
  closer.add('redis', () => commands.disconnect());
  const cacheRedis = connectRedis(config.redis.cache, 'commands', {
    isWatched: true,
    commandTimeoutMs,
    onError: onCacheError,
  });
  closer.add('redis cache', () => cacheRedis.disconnect());
  const subscriber = connectRedis(config.redis.queue, 'subscriber', { onError });
  closer.add('redis subscriber', () => subscriber.disconnect());
  const wechat = createWechatClient(config.wechat.apiBase);
  closer.add('wechat', () => wechat.close());
  const tokenService = config.wechat.tokenUrl === undefined ? undefined : createWechatClient(config.wechat.tokenUrl);
  closer.add('token service', () => tokenService?.close());
  const clock = createRedisClock(commands);
  closer.add('clock', () => clock.close());
  const figures = createFigures({
    client: commands,
    clock,
    instance,
    group: 'worker',
    shown: [],
    snapshot: metrics.snapshot,
  });
  closer.add('figures', () => figures.close());

  const sessionInfo = defineSessionInfo(sequelize);
  const appInfo = defineAppInfo(sequelize);
  const cipher = createColumnCipher(config.keys);
  const apps = createAppSettings({
    read: () => readAppsWithSecrets(appInfo, cipher),
    onFailure: createOutageWarning(log, 'app settings not read'),
  });
  const cache = createSessionCache(cacheRedis);

  const starting = new AbortController();
  closer.add('start', () => starting.abort());
  let serving = false;
  let waitsForKeys = true;
  const findFaults = async (): Promise<string[]> => {
    const faults = await Promise.all([
      probeRedis(commands).then(
        () => undefined,
        () => 'redis',
      ),
      probeRedis(cacheRedis).then(
        () => undefined,
        () => 'redis_cache',
      ),
      probeReading(sequelize).then(
        () =>
          probeWriting(sequelize).then(
            () => undefined,
            () => 'mysql_writes',
          ),
        () => 'mysql',
      ),
      findLockedApps(apps).then(
        (locked) => (locked.length === 0 ? undefined : 'keys'),
        () => undefined,
      ),
    ]);
    return [...(serving ? [] : ['starting']), ...faults.filter((fault) => fault !== undefined)];
  };
  if (config.worker.healthPort !== undefined) {
    const { host } = config.http;
    const health = openHealthPort(
      { host, port: config.worker.healthPort },
      (address) => startHealthServer(address, metrics.registry, findFaults),
      log,
    );
    closer.add('health', () => health.close());
  }

  const serve = async (): Promise<void> => {
    const seal = createSeal(await waitForSealKey(sequelize, starting.signal, log));
    await whenReady(commands, starting.signal);
    await clock.sync().catch(() => undefined);
    await untilDone(() => hearControl(subscriber, commands, instance, () => apps.forget()), starting.signal);
    // Before it waits: what it waits for is for the doctor to tell.
    const describe = async () => ({
      keys: describeKeys(config.keys),
      lockedApps: await findLockedApps(apps).catch(() => []),
      waitsForKeys,
    });
    await untilDone(() => answerRollCalls(subscriber, commands, instance, describe), starting.signal);
    const keyWatch = watchKeys({ apps, commands, clock, instance, log });
    closer.add('key watch', () => keyWatch.close());
    await waitForKeys(apps, starting.signal, log);
    waitsForKeys = false;
    const handlers = createHandlers({
      config,
      sequelize,
      sessionInfo,
      cipher,
      apps,
      cache,
      commands,
      seal,
      wechat,
      tokenService,
      metrics,
      log,
    });
    const open = (queue: QueueName, shard: number) => {
      const blocking = connectRedis(config.redis.queue, 'blocking', { onError });
      closer.add(`${queue} ${shard} redis`, () => blocking.disconnect());
      const { concurrency } = config.worker;
      const connections = { blocking, commands, clock, seal };
      const server = createRpcServer({
        queue,
        shard,
        ...connections,
        concurrency,
        handlers: handlers[queue],
        onAnswer: metrics.called,
        log,
      });
      closer.add(`${queue} ${shard}`, () => server.close());
    };
    for (let shard = 0; shard < config.login.queues; shard++) open('login', shard);
    open('session', 0);

    const visitWriter = startVisitWriter({ visits: createVisitLog(commands), sequelize, log, metrics });
    closer.add('visits', () => visitWriter.close());
    serving = true;
    const presence = createPresence(commands, clock, instance);
    closer.add('presence', () => presence.leave());
    await presence.announce();
    figures.start();
    log.info(
      { instance, concurrency: config.worker.concurrency, loginQueues: config.login.queues },
      'worker takes jobs',
    );
    announceReady();
  };
  serve().catch((error: unknown) => {
    if (!starting.signal.aborted) log.fatal({ err: describeError(error) }, 'bug: worker did not start');
  });
  return { log, close: () => closer.close() };
}
