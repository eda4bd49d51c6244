import type { Config } from '../../shared/config/config.ts';
import { createColumnCipher } from '../../shared/keys/column-cipher.ts';
import { describeKeys } from '../../shared/keys/held-keys.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import type { Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readAppsWithSecrets } from '../../shared/store/app-reader.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import { createMember } from '../../shared/system/member.ts';
import { createRemembering } from '../../shared/system/remembering.ts';
import { openStores } from '../../shared/system/stores.ts';
import { createHandlers } from './handlers.ts';
import { startHealthServer } from './health.ts';
import { openHealthPort } from './health-port.ts';
import { startEraser } from './jobs/eraser.ts';
import { startVisitWriter } from './jobs/write-visits.ts';
import { watchKeys } from './key-watch.ts';
import { createWorkerMetrics } from './metrics.ts';
import { openQueues } from './queues.ts';
import { createWorkerReadiness } from './readiness.ts';
import { openRetention } from './retention.ts';
import { findLockedApps, waitForKeys } from './wait-for-keys.ts';
import { createWechatClient } from './wechat/client.ts';
import { kinds as everyKind } from './wechat/kinds/index.ts';

/** A worker that has just started or is very busy reads Redis's answers late; callers wait longer than this. */
const commandTimeoutMs = 2500;

/**
 * One worker process, for as long as `close` is not called: opens everything, takes jobs, writes visits.
 * @param kinds of apps that it serves
 */
export async function startWorker(config: Config, log: Log, kinds = everyKind): Promise<Service> {
  const closer = createCloser(log);
  const metrics = createWorkerMetrics();
  const uses = { commands: { commandTimeoutMs }, cache: { commandTimeoutMs, isWatched: true } };
  const stores = openStores(config, uses, { closer, log });
  const { sequelize, commands, cacheRedis, clock } = stores;
  const connect = (base: string) => {
    const client = createWechatClient(base);
    closer.add('wechat', () => client.close());
    return client;
  };
  const wechat = connect(config.wechat.apiBase);
  const remembering = createRemembering();
  const member = createMember('worker', stores, { snapshot: metrics.snapshot, remembering, closer, log });
  const { instance } = member;

  const sessionInfo = defineSessionInfo(sequelize);
  const appInfo = defineAppInfo(sequelize);
  const cipher = createColumnCipher(config.keys);
  const apps = createAppSettings({
    read: () => readAppsWithSecrets(appInfo, cipher),
    onFailure: createOutageWarning(log, 'app settings not read'),
  });
  const cache = createSessionCache(cacheRedis);
  // What was sent to the cache before is there when this is answered.
  remembering.add(async () => void (await cacheRedis.ping()));

  const stopping = new AbortController();
  closer.add('start', () => stopping.abort());
  const readiness = createWorkerReadiness(stores, apps);
  if (config.worker.healthPort !== undefined) {
    const health = openHealthPort(
      { host: config.http.host, port: config.worker.healthPort },
      (address) => startHealthServer(address, metrics.registry, readiness.findFaults),
      log,
    );
    closer.add('health', () => health.close());
  }

  const describe = async () => ({
    keys: describeKeys(config.keys),
    lockedApps: await findLockedApps(apps).catch(() => []),
    waitsForKeys: !readiness.isServing(),
  });
  const serve = async (): Promise<void> => {
    // Joins before it waits for keys, so that the doctor can see what it waits for.
    const seal = await member.join(stopping.signal, () => apps.forget(), describe);
    const keyWatch = watchKeys({ apps, commands, clock, instance, log });
    closer.add('key watch', () => keyWatch.close());
    await waitForKeys(apps, stopping.signal, log);
    const deps = { config, sequelize, sessionInfo, cipher, apps, cache, commands, seal, wechat, connect, kinds };
    const eraser = startEraser({ stores: { ...stores, appInfo, seal }, log });
    closer.add('eraser', () => eraser.close());
    const handlers = createHandlers({ ...deps, eraser, remembering, metrics, log });
    openQueues(config, { handlers, stores, seal, remembering, metrics, closer, log });
    const visits = createVisitLog(commands);
    const visitWriter = startVisitWriter({ visits, sequelize, log, metrics });
    closer.add('visits', () => visitWriter.close());
    openRetention(config.retention, { stores, appInfo, visits, metrics, closer, log });
    readiness.serves();
    closer.add('presence', () => member.leave());
    await member.announce();
    const { concurrency } = config.worker;
    log.info({ instance, concurrency, loginQueues: config.login.queues }, 'worker takes jobs');
  };
  serve().catch((error: unknown) => {
    if (!stopping.signal.aborted) log.fatal({ err: describeError(error) }, 'bug: worker did not start');
  });
  return { log, close: () => closer.close() };
}
