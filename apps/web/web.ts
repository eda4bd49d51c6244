import type { Config } from '../../shared/config/config.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import type { Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { showPool } from '../../shared/metrics/pool-gauges.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createAppSettingsCopy } from '../../shared/session/app-settings-copy.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readApps } from '../../shared/store/app-reader.ts';
import { defineAppInfo } from '../../shared/store/models.ts';
import { createMember } from '../../shared/system/member.ts';
import { createRemembering } from '../../shared/system/remembering.ts';
import { openStores } from '../../shared/system/stores.ts';
import { openTracing } from '../../shared/tracing/open-tracing.ts';
import { createAccess } from './access/access.ts';
import { createCheckLog } from './check-log.ts';
import { openDoors } from './doors.ts';
import { createWebMetrics, renderMetrics, showGauges } from './metrics.ts';
import { createProbes } from './probes.ts';
import { openQueueGauges } from './queue-gauges.ts';
import { createReadiness, untilReady } from './readiness.ts';
import { openSessions } from './sessions/open-sessions.ts';
import { watchCacheLife } from './sessions/cache-life.ts';
import { createVisitCollector } from './sessions/visit-collector.ts';
import { createWorkerCalls } from './worker-calls.ts';

/** A cache that takes longer than this is worse than MySQL. */
const cacheTimeoutMs = 400;

/** One front end, until it is closed. It listens at once; `/readyz` says when a balancer should send requests. */
export async function startWeb(config: Config, log: Log): Promise<Service & { readonly port: number }> {
  const closer = createCloser(log);
  const tracing = await openTracing(config.tracing, 'web', { closer, log });
  const metrics = createWebMetrics();
  const { registry, snapshot } = metrics;
  const cacheUse = { commandTimeoutMs: cacheTimeoutMs, pipelined: config.redis.cache.kind === 'cluster' };
  const stores = openStores(config, { cache: cacheUse }, { closer, log });
  showPool(registry, 'web', stores.sequelize);
  const remembering = createRemembering();
  const checkLog = createCheckLog(log);
  const sampleChecks = (every: number) => void (checkLog.every = every);
  const member = createMember('web', stores, { snapshot, remembering, sampleChecks, closer, log });
  const { instance, figures } = member;
  closer.add('presence', () => member.leave());

  const calls = createWorkerCalls(config, { stores, metrics, closer });
  const visitLog = createVisitLog(stores.commands);
  const visits = createVisitCollector(visitLog);
  closer.add('visits', () => visits.close());
  showGauges(registry, { waitingCalls: calls.waiting, callLimit: calls.limit, pendingVisits: visits.pending });

  const cacheLife = watchCacheLife(stores.cacheRedis);
  closer.add('cache life', () => cacheLife.close());
  const countsSince = cacheLife.since;
  const appInfo = defineAppInfo(stores.sequelize);
  const apps = createAppSettings({
    read: () => readApps(appInfo),
    copy: createAppSettingsCopy(stores.cacheRedis, countsSince),
    onFailure: createOutageWarning(log, 'app settings not read'),
    onDefaultMoved: (before, now) =>
      log.warn({ before, now }, 'requests and rows that name no app are for another app now'),
  });
  const watched = { remembering, metrics, log, closer };
  const { sessions, forgetSessions } = openSessions({ config, stores, countsSince, visits, visitLog, ...watched });
  const access = createAccess({ config, ...stores, countsSince, seal: member.seal, registry, log });

  const stopping = new AbortController();
  const readiness = createReadiness(createProbes({ ...stores, apps, calls }), stopping.signal);
  const answering = {
    apps,
    sessions,
    visits,
    ask: calls.ask,
    access,
    readiness,
    instance,
    metrics,
    checkLog,
    tracing,
    log,
  };
  const doors = openDoors(config, { ...answering, renderMetrics: renderMetrics(figures.gather) }, stopping);
  const http = await closer.orClose(doors);
  closer.add('http', () => http.close());
  log.info({ instance, host: config.http.host, port: http.port }, 'web listens');
  closer.add('start', () => stopping.abort());

  const forget = async () => {
    forgetSessions();
    await Promise.all([apps.reread(), access.rereadCallers()]);
  };
  const serve = async (): Promise<void> => {
    const seal = await member.join(stopping.signal, (what) => (what === 'everything' ? forget() : undefined));
    calls.open({ instance, seal, remembering });
    openQueueGauges(registry, stores, { loginQueues: config.login.queues, closer });
    await member.announce();
    await untilReady(readiness, stopping.signal);
    apps.current().then(metrics.knowApps, () => undefined);
    log.info('log-ins and checks are possible');
  };
  serve().catch((error: unknown) => {
    if (!stopping.signal.aborted) log.fatal({ err: describeError(error) }, 'bug: web did not start');
  });
  return { log, port: http.port, close: () => closer.close() };
}
