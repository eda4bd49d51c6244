import type { Config } from '../../shared/config/config.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import type { Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createAppSettingsCopy } from '../../shared/session/app-settings-copy.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readApps } from '../../shared/store/app-reader.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import { createMember } from '../../shared/system/member.ts';
import { createRemembering } from '../../shared/system/remembering.ts';
import { openStores } from '../../shared/system/stores.ts';
import { createAccess } from './access/access.ts';
import { openDoors } from './doors.ts';
import { createAdmittedAsk } from './interfaces/admitted-ask.ts';
import { createWebMetrics, renderMetrics, showGauges } from './metrics.ts';
import { createProbes } from './probes.ts';
import { createReadiness, untilReady } from './readiness.ts';
import { createRpcClient } from './rpc/client.ts';
import { createLateRpcClient } from './rpc/late-client.ts';
import { openSessions } from './sessions/open-sessions.ts';
import { createVisitCollector } from './sessions/visit-collector.ts';

/** Calls that may wait for workers at once, whatever the admission thinks. */
const maxWaitingCalls = 10_000;
/** How long a call to a worker waits for the start of the process: without Redis it fails within a second. */
const startPatienceMs = 900;
/** A cache that takes longer than this is worse than MySQL. */
const cacheTimeoutMs = 400;

/** One front end, until it is closed. It listens at once; `/readyz` says when a balancer should send requests. */
export async function startWeb(config: Config, log: Log): Promise<Service & { readonly port: number }> {
  const closer = createCloser(log);
  const metrics = createWebMetrics();
  const cacheUse = { commandTimeoutMs: cacheTimeoutMs, pipelined: config.redis.cache.kind === 'cluster' };
  const stores = openStores(config, { cache: cacheUse }, { closer, log });
  const { sequelize, commands, cacheRedis, clock } = stores;
  const remembering = createRemembering();
  const member = createMember('web', stores, { snapshot: metrics.snapshot, remembering, closer, log });
  const { instance, figures } = member;
  closer.add('presence', () => member.leave());

  const rpc = createLateRpcClient(startPatienceMs);
  closer.add('rpc', () => rpc.close());
  const limits = { loginDeadlineMs: config.login.deadlineMs, loginsPerApp: config.login.limitPerApp };
  const admitted = createAdmittedAsk(rpc.call, limits, metrics.refusedCall);

  const visitLog = createVisitLog(commands);
  const visits = createVisitCollector(visitLog);
  closer.add('visits', () => visits.close());
  showGauges(metrics.registry, {
    waitingCalls: rpc.waiting,
    callLimit: admitted.limit,
    pendingVisits: visits.pending,
  });

  const appInfo = defineAppInfo(sequelize);
  const apps = createAppSettings({
    read: () => readApps(appInfo),
    copy: createAppSettingsCopy(cacheRedis),
    onFailure: createOutageWarning(log, 'app settings not read'),
    onDefaultMoved: (before, now) =>
      log.warn({ before, now }, 'requests and rows that name no app are for another app now'),
  });
  const sessionInfo = defineSessionInfo(sequelize);
  const { sessions, forgetSessions } = openSessions({
    config,
    sessionInfo,
    cacheRedis,
    visits,
    visitLog,
    remembering,
    metrics,
    log,
    closer,
  });
  const access = createAccess({ config, sequelize, cacheRedis, registry: metrics.registry, log });

  const stopping = new AbortController();
  const readiness = createReadiness(
    createProbes({ sequelize, commands, cacheRedis, clock, apps, rpc }),
    stopping.signal,
  );
  const doors = { apps, sessions, visits, ask: admitted.ask, access, readiness, instance, metrics, log };
  const http = await openDoors(config, { ...doors, renderMetrics: renderMetrics(figures.gather) }, stopping).catch(
    async (error: unknown) => {
      await closer.close();
      throw error;
    },
  );
  closer.add('http', () => http.close());
  log.info({ instance, host: config.http.host, port: http.port }, 'web listens');
  closer.add('start', () => stopping.abort());

  const forget = () => {
    apps.forget();
    access.forgetCallers();
    forgetSessions();
  };
  const serve = async (): Promise<void> => {
    const seal = await member.join(stopping.signal, forget);
    // Closed by step `rpc`, after HTTP, so that log-ins in flight still get their replies.
    const blocking = stores.connectBlocking();
    const shards = { login: config.login.queues, session: 1 };
    const connections = { commands, blocking, clock, seal };
    rpc.open(createRpcClient({ instance, ...connections, remembering, shards, maxWaiting: maxWaitingCalls }));
    await member.announce();
    await untilReady(readiness, stopping.signal);
    log.info('log-ins and checks are possible');
  };
  serve().catch((error: unknown) => {
    if (!stopping.signal.aborted) log.fatal({ err: describeError(error) }, 'bug: web did not start');
  });
  return { log, port: http.port, close: () => closer.close() };
}
