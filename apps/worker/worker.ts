import type { Config } from '../../shared/config/config.ts';
import { untilDone } from '../../shared/async/retry.ts';
import { createColumnCipher } from '../../shared/keys/column-cipher.ts';
import { describeKeys } from '../../shared/keys/held-keys.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import type { Service } from '../../shared/lifecycle/run.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import { showPool } from '../../shared/metrics/pool-gauges.ts';
import { createAppSettings } from '../../shared/session/app-settings.ts';
import { createVisitLog } from '../../shared/session/visit-log.ts';
import { readAppsWithSecrets } from '../../shared/store/app-reader.ts';
import { defineAppInfo } from '../../shared/store/models.ts';
import { createMember } from '../../shared/system/member.ts';
import { createRemembering } from '../../shared/system/remembering.ts';
import { openStores } from '../../shared/system/stores.ts';
import { openTracing } from '../../shared/tracing/open-tracing.ts';
import { kinds as everyKind } from '../../shared/wechat/kinds/index.ts';
import { openCallAnswering } from './call-answering.ts';
import { createEventDemand } from './events/demand.ts';
import { openEvents } from './events/open-events.ts';
import { openHealthPort } from './health-port.ts';
import { startVisitDrain } from './visit-drain.ts';
import { watchKeys } from './key-watch.ts';
import { showLiveSessions } from './live-sessions.ts';
import { createWorkerMetrics } from './metrics.ts';
import { createWorkerReadiness } from './readiness.ts';
import { openRetention } from './retention.ts';
import { startSampler } from './samples/sampler.ts';
import { findLockedApps, waitForKeys } from './wait-for-keys.ts';

/** A worker that has just started or is very busy reads Redis's answers late; callers wait longer than this. */
const commandTimeoutMs = 2500;

/**
 * One worker process, for as long as `close` is not called: opens everything, answers front ends, and does what none of
 * them asks for: visits, erasures, events, retention, samples.
 * @param kinds of apps that it serves
 */
export async function startWorker(config: Config, log: Log, kinds = everyKind): Promise<Service> {
  const closer = createCloser(log);
  const tracing = await openTracing(config.tracing, 'worker', { closer, log });
  const metrics = createWorkerMetrics();
  const uses = { commands: { commandTimeoutMs }, cache: { commandTimeoutMs, isWatched: true } };
  const stores = openStores(config, uses, { closer, log });
  const { sequelize, commands, clock } = stores;
  showPool(metrics.registry, 'worker', sequelize);
  const remembering = createRemembering();
  const member = createMember('worker', stores, { snapshot: metrics.snapshot, remembering, closer, log });
  const { instance } = member;

  const appInfo = defineAppInfo(sequelize);
  const cipher = createColumnCipher(config.keys);
  const apps = createAppSettings({
    read: () => readAppsWithSecrets(appInfo, cipher),
    onFailure: createOutageWarning(log, 'app settings not read'),
  });
  const demand = createEventDemand(sequelize, createOutageWarning(log, 'endpoints not read'));

  const stopping = new AbortController();
  closer.add('start', () => stopping.abort());
  const readiness = createWorkerReadiness(stores, apps);
  openHealthPort(config, { registry: metrics.registry, readiness, closer, log });

  const describe = async () => ({
    keys: describeKeys(config.keys),
    lockedApps: await findLockedApps(apps).catch(() => []),
    waitsForKeys: !readiness.isServing(),
  });
  const serve = async (): Promise<void> => {
    // Joins before it waits for keys, so that the doctor can see what it waits for.
    const forget = async (what: 'everything' | 'endpoints') => {
      await Promise.all([what === 'everything' ? apps.reread() : undefined, demand.refresh()]);
    };
    const seal = await member.join(stopping.signal, forget, describe);
    const keyWatch = watchKeys({ apps, commands, clock, instance, log });
    closer.add('key watch', () => keyWatch.close());
    await waitForKeys(apps, stopping.signal, log);
    // Before the first log-in: else nobody would hear of it.
    await untilDone(() => demand.refresh(), stopping.signal);
    const known = { stores, cipher, demand, remembering, metrics, closer, log };
    openCallAnswering(config, { ...known, appInfo, apps, kinds, seal, tracing });
    const visits = createVisitLog(commands);
    const visitDrain = startVisitDrain({ visits, sequelize, log, metrics });
    closer.add('visits', () => visitDrain.close());
    await openEvents(config, { ...known, instance });
    openRetention(config.retention, { stores, appInfo, visits, metrics, closer, log });
    if (config.samplesDays > 0) {
      const sampler = startSampler({ sequelize, commands, clock, instance, days: config.samplesDays, log });
      closer.add('samples', () => sampler.close());
    }
    const live = showLiveSessions({ registry: metrics.registry, sequelize, apps, commands, clock, log });
    closer.add('live sessions', () => live.close());
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
