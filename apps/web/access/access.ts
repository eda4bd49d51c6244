import type { Registry } from 'prom-client';
import type { Sequelize } from 'sequelize';
import { createKnownCallers } from './known-callers.ts';
import { createKnownCallersCopy } from '../../../shared/callers/known-callers-copy.ts';
import type { Config } from '../../../shared/config/config.ts';
import { isOpenToNetwork } from '../../../shared/config/exposure.ts';
import type { RefusedConnection } from '../../../shared/http/guard.ts';
import type { Standing } from '../../../shared/http/places.ts';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { CountsSince } from '../../../shared/session/present-life.ts';
import { readCallers, type Caller } from '../../../shared/store/caller-store.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { createAccessMetrics } from './access-metrics.ts';
import { clientAddressOf } from '../../../shared/http/client-address.ts';
import { createClientCheck, type ClientCheck } from '../../../shared/http/client-check.ts';
import { createGate, type Gate } from './gate.ts';
import { createRefusalLog } from './refusal-log.ts';

/** Everything about who may ask this front end what. */
export interface Access {
  readonly gate: Gate;
  readonly mayReadMetrics: ClientCheck;
  /** Before anything is read; what a stranger asks for the gate refuses, but for the paths of operations. */
  standingOf(address: string): Standing;
  /** Takes note of a call that a caller, or whoever has no key, may not make; `RefusalReason` caller_not_permitted. */
  refuseCaller(caller: Caller | undefined): void;
  refuseConnection(address: string, standing: Standing, reason: RefusedConnection): void;
  /** Resolves when no caller of before counts any more. @throws if they could not be read */
  rereadCallers(): Promise<void>;
}

export function createAccess(deps: {
  readonly config: Config;
  readonly sequelize: Sequelize;
  readonly cacheRedis: RedisClient;
  readonly countsSince: CountsSince;
  /** undefined as long as its key was not read. */
  readonly seal: () => Seal | undefined;
  readonly registry: Registry;
  readonly log: Log;
}): Access {
  const { config, sequelize, cacheRedis, countsSince, seal, registry, log } = deps;
  const { allowed, metrics, trustedProxies, requiresKey } = config.access;
  if (isOpenToNetwork(config)) {
    log.warn(
      { host: config.http.host },
      'everybody who reaches this address may call: set ALLOWED_CLIENTS, or REQUIRE_CALLER_KEY=true',
    );
  }
  const callers = createKnownCallers({
    read: () => readCallers(sequelize),
    copy: createKnownCallersCopy(cacheRedis, seal, countsSince),
    onFailure: createOutageWarning(log, 'callers not read'),
  });
  const accessMetrics = createAccessMetrics(registry);
  const tellRefusal = createRefusalLog(log);
  return {
    gate: createGate({
      isAllowed: createClientCheck(allowed, trustedProxies),
      isOpen: allowed.isEmpty && !requiresKey,
      requiresKey,
      callers,
      metrics: accessMetrics,
      onRefused: (request, reason) => tellRefusal(reason, () => clientAddressOf(request, trustedProxies)),
    }),
    standingOf(address) {
      if (trustedProxies.has(address)) return 'proxy';
      return allowed.isEmpty || allowed.has(address) ? 'caller' : 'stranger';
    },
    refuseCaller(caller) {
      accessMetrics.refused('caller_not_permitted');
      tellRefusal('caller_not_permitted', () => undefined, caller?.name);
    },
    refuseConnection(address, standing, reason) {
      accessMetrics.refusedConnection(standing, reason);
      tellRefusal(reason, () => address);
    },
    mayReadMetrics: createClientCheck(metrics, trustedProxies),
    rereadCallers: callers.reread,
  };
}
