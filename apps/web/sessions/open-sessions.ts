import type { Config } from '../../../shared/config/config.ts';
import type { Closer } from '../../../shared/lifecycle/closer.ts';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';
import { connectRedis } from '../../../shared/redis/connect.ts';
import { listenToChanges } from '../../../shared/session/change-channel.ts';
import type { CountsSince } from '../../../shared/session/present-life.ts';
import { createSessionCache } from '../../../shared/session/session-cache.ts';
import type { VisitLog } from '../../../shared/session/visit-log.ts';
import { defineSessionInfo } from '../../../shared/store/models.ts';
import { readSessions } from '../../../shared/store/session-reader.ts';
import type { Remembering } from '../../../shared/system/remembering.ts';
import type { Stores } from '../../../shared/system/stores.ts';
import type { WebMetrics } from '../metrics.ts';
import { createSessionCheck, type SessionCheck } from './session-check.ts';
import { createSessionConfirmer } from './session-confirmer.ts';
import { createSessionLookups } from './session-lookups.ts';
import { createSessionMemory } from './session-memory.ts';
import { createSessionValidity } from './session-validity.ts';
import type { VisitCollector } from './visit-collector.ts';

/** Whether the nodes of a Cluster pass all announcements on to each other can't be seen from here. */
const clusterMaxAgeMs = 60_000;

const tidyIntervalMs = 5000;

/** The way of a session check: this process's memory, the cache, MySQL. */
export function openSessions(deps: {
  readonly config: Config;
  readonly stores: Stores;
  readonly countsSince: CountsSince;
  readonly visits: VisitCollector;
  readonly visitLog: VisitLog;
  readonly remembering: Remembering;
  readonly metrics: WebMetrics;
  readonly log: Log;
  readonly closer: Closer;
}): { readonly sessions: SessionCheck; readonly forgetSessions: () => void } {
  const { config, stores, countsSince, visits, visitLog, remembering, metrics, log, closer } = deps;
  const { cacheRedis } = stores;
  const sessionInfo = defineSessionInfo(stores.sequelize);
  const cache = createSessionCache(cacheRedis, countsSince);
  const lookups = createSessionLookups(
    (ids) => {
      metrics.readFromMysql(ids.length);
      return readSessions(sessionInfo, ids);
    },
    createOutageWarning(log, 'sessions not read'),
  );
  const confirmer = createSessionConfirmer(lookups, cache);
  const subscriber = connectRedis(config.redis.cache, 'changes');
  closer.add('redis cache subscriber', () => subscriber.disconnect());
  const changes = listenToChanges(
    subscriber,
    cacheRedis,
    (id) => memory.forget(id),
    () => memory.distrust(),
  );
  closer.add('changes', () => changes.close());
  const memory = createSessionMemory(
    config.sessionMemory,
    () => changes.isTrusted(),
    config.redis.cache.kind === 'cluster' ? { maxAgeMs: clusterMaxAgeMs } : {},
  );
  const tidying = setInterval(() => memory.tidy(), tidyIntervalMs).unref();
  closer.add('session memory', () => clearInterval(tidying));
  remembering.add(({ ids }) => {
    confirmer.forget(ids);
    memory.erase(ids);
  });
  const validity = createSessionValidity(visits, visitLog);
  const sessions = createSessionCheck({
    validity,
    memory,
    cache,
    confirmer,
    onLookup: metrics.lookedUp,
    onRefused: metrics.refusedSession,
  });
  return {
    sessions,
    forgetSessions() {
      confirmer.forgetAll();
      memory.clear();
    },
  };
}
