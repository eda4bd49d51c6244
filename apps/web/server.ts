import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../shared/config/config.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import { announceReady, type Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { createLoginFailureLog } from '../../shared/log/login-failures.ts';
import { createFigures } from '../../shared/metrics/figures.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { createRedisWarning } from '../../shared/redis/outage-warning.ts';
import { hearControl } from '../../shared/redis/control.ts';
import { createInstanceName, createPresence, machineName } from '../../shared/redis/presence.ts';
import { answerRollCalls } from '../../shared/redis/roll-call.ts';
import { createRpcClient } from '../../shared/rpc/client.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { untilDone } from '../../shared/retry.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createAppSettingsCopy } from '../../shared/session/app-settings-copy.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readApps } from '../../shared/store/app-reader.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import { waitForSealKey } from '../../shared/store/seal-key.ts';
import { createAccess } from './access/access.ts';
import { createApp } from './app.ts';
import { openCertificate } from './certificate.ts';
import { defaultHttpLimits } from './http-limits.ts';
import { listen } from './http-server.ts';
import { createAdmittedAsk } from './interfaces/admitted-ask.ts';
import { createInterfaces } from './interfaces/index.ts';
import { createLateRpcClient } from './late-rpc-client.ts';
import { createWebMetrics } from './metrics.ts';
import { createProbes } from './probes.ts';
import { createReadiness, untilReady } from './readiness.ts';
import { addForwardAuth, createForwardAuth } from './routes/forward-auth.ts';
import { addMinaAuth, createMinaAuth } from './routes/mina-auth.ts';
import { addOpenApi } from './routes/openapi.ts';
import { addOperations } from './routes/operations.ts';
import { openSessions } from './sessions/open-sessions.ts';
import { createVisitCollector } from './sessions/visit-collector.ts';

/** Calls that may wait for workers at once, whatever the admission thinks. */
const maxWaitingCalls = 10_000;
/** Bodies of the greatest length that there is room for, whatever that length is. */
const longestBodiesHeld = 8;
/** How long a request waits for the start of the process: without Redis it fails within a second. */
const startPatienceMs = 900;
/** A cache that takes longer than this is worse than MySQL. */
const cacheTimeoutMs = 400;

/** One front end, until it is closed. It listens at once; `/readyz` says when a balancer should send requests. */
export async function startWeb(config: Config, log: Log): Promise<Service & { readonly port: number }> {
  const closer = createCloser(log);
  const instance = createInstanceName('web');

  const sequelize = openDatabase(config.database.primary, config.database);
  closer.add('database', () => sequelize.close());
  const onError = createRedisWarning(log, config.redis.queue, 'REDIS_URL');
  const isOneRedis = config.redis.cache === config.redis.queue;
  const onCacheError = isOneRedis ? onError : createRedisWarning(log, config.redis.cache, 'REDIS_CACHE_URL');
  const commands = connectRedis(config.redis.queue, 'commands', { onError });
  closer.add('redis', () => commands.disconnect());
  const cacheRedis = connectRedis(config.redis.cache, 'commands', {
    commandTimeoutMs: cacheTimeoutMs,
    onError: onCacheError,
    pipelined: config.redis.cache.kind === 'cluster',
  });
  closer.add('redis cache', () => cacheRedis.disconnect());
  const subscriber = connectRedis(config.redis.queue, 'subscriber', { onError });
  closer.add('redis subscriber', () => subscriber.disconnect());
  const clock = createRedisClock(commands);
  closer.add('clock', () => clock.close());
  const figures = createFigures({
    client: commands,
    clock,
    instance,
    group: `web:${machineName}`,
    shown: ['worker'],
    snapshot: () => metrics.snapshot(),
  });
  closer.add('figures', () => figures.close());
  const presence = createPresence(commands, clock, instance);
  closer.add('presence', () => presence.leave());

  const rpc = createLateRpcClient(startPatienceMs);
  const admitted = createAdmittedAsk(
    rpc.call,
    { loginDeadlineMs: config.login.deadlineMs, loginsPerApp: config.login.limitPerApp },
    (queue, reason) => metrics.refusedCall(queue, reason),
  );
  const { ask } = admitted;
  closer.add('rpc', () => rpc.close());

  const visitLog = createVisitLog(commands);
  const visits = createVisitCollector(visitLog);
  closer.add('visits', () => visits.close());
  const metrics = createWebMetrics({
    waitingCalls: rpc.waiting,
    callLimit: admitted.limit,
    pendingVisits: visits.pending,
    gather: figures.gather,
  });

  const appInfo = defineAppInfo(sequelize);
  const apps = createAppSettings({
    read: () => readApps(appInfo),
    copy: createAppSettingsCopy(cacheRedis),
    onFailure: createOutageWarning(log, 'app settings not read'),
    onDefaultMoved: (before, now) =>
      log.warn({ before, now }, 'requests and rows that name no app are for another app now'),
  });
  const { sessions, forgetSessions } = openSessions({
    config,
    sessionInfo: defineSessionInfo(sequelize),
    cacheRedis,
    visits,
    visitLog,
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
  const loginFailed = createLoginFailureLog(log.child({ web: instance }));
  const parts = { apps, sessions, visits, ask, loginFailed, login: config.login };
  const answer = createMinaAuth({ interfaces: createInterfaces(parts), metrics, log });
  const check = createForwardAuth({ parts, metrics, log });
  const { gate } = access;
  const { bodyLimitBytes } = config.http;
  const koa = createApp({
    log,
    gate,
    routes: [
      addMinaAuth(answer, bodyLimitBytes),
      addForwardAuth(check),
      addOperations({ readiness, metrics, ...access }),
      addOpenApi,
    ],
    bodyLimitBytes,
    stopping: stopping.signal,
  }).callback();
  const handlers = {
    onRequest: (request: IncomingMessage, response: ServerResponse) => void koa(request, response),
    fastLane: config.http.fastLane ? { admit: gate.admitAtOnce, answer, check, bodyLimitBytes } : undefined,
    standingOf: access.standingOf,
    onRefusedConnection: access.refuseConnection,
  };
  const open = async () => {
    const certificate = config.http.tls && openCertificate(config.http.tls, log);
    const heldBytes = Math.max(defaultHttpLimits.heldBytes, longestBodiesHeld * bodyLimitBytes);
    return listen(handlers, { ...config.http, certificate }, { ...defaultHttpLimits, heldBytes }, stopping);
  };
  const http = await open().catch(async (error: unknown) => {
    await closer.close();
    throw error;
  });
  closer.add('http', () => http.close());
  log.info({ instance, host: config.http.host, port: http.port }, 'web listens');

  const starting = new AbortController();
  closer.add('start', () => starting.abort());
  const serve = async (): Promise<void> => {
    const seal = createSeal(await waitForSealKey(sequelize, starting.signal, log));
    await whenReady(commands, starting.signal);
    await clock.sync().catch(() => undefined);
    const forget = () => {
      apps.forget();
      access.forgetCallers();
      forgetSessions();
    };
    await untilDone(() => hearControl(subscriber, commands, instance, forget), starting.signal);
    const shards = { login: config.login.queues, session: 1 };
    // Closed with the client, by its step above: log-ins in flight wait for their replies while the HTTP server closes.
    const blocking = connectRedis(config.redis.queue, 'blocking', { onError });
    rpc.open(createRpcClient({ instance, commands, blocking, clock, seal, shards, maxWaiting: maxWaitingCalls }));
    await untilDone(() => answerRollCalls(subscriber, commands, instance), starting.signal);
    await presence.announce();
    figures.start();
    announceReady();
    await untilReady(readiness, starting.signal);
    log.info('log-ins and checks are possible');
  };
  serve().catch((error: unknown) => {
    if (!starting.signal.aborted) log.fatal({ err: describeError(error) }, 'bug: web did not start');
  });
  return { log, port: http.port, close: () => closer.close() };
}
