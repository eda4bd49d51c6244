import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { shareAnswer } from '../../shared/http/shared-answer.ts';
import { checksMetric, loginsMetric, type AppResult } from '../../shared/metrics/app-results.ts';
import { createStageTally, requestBounds } from '../../shared/metrics/login-stages.ts';
import { collectNodeMetrics } from '../../shared/metrics/node-metrics.ts';
import type { Snapshot } from '../../shared/metrics/snapshot.ts';
import { createTally, createTimeTally } from '../../shared/metrics/tallies.ts';
import type { QueueName } from '../../shared/rpc/contract.ts';
import type { Apps } from '../../shared/session/app-settings.ts';
import { createAppTally } from './app-tally.ts';
import { interfaceSchemas } from './interfaces/schemas/index.ts';
import type { LookupResult } from './sessions/session-check.ts';
import { refusals, type Refusal } from './sessions/session-validity.ts';

/** What a front end counts. */
export interface WebMetrics {
  /** For what counts by itself. */
  readonly registry: Registry;
  answered(interfaceName: string, returnCode: number, seconds: number): void;
  /** Has the series of these apps, with 0. */
  knowApps(apps: Apps): void;
  /** A log-in of this app, or the check of a session, has come to its answer. @param apps as they were when it came */
  loggedIn(apps: Apps, appid: string, result: AppResult): void;
  checked(apps: Apps, appid: string, result: AppResult): void;
  /** A log-in is put to the workers, so long after it came. */
  admittedLogin(seconds: number): void;
  lookedUp(result: LookupResult): void;
  refusedSession(refusal: Refusal): void;
  readFromMysql(sessions: number): void;
  refusedCall(queue: QueueName, reason: string): void;
  snapshot(): Promise<Snapshot>;
}

/** What a front end shows of itself at the moment of a scrape. */
export interface WebGauges {
  readonly waitingCalls: () => number;
  readonly callLimit: (queue: QueueName) => number;
  readonly pendingVisits: () => number;
}

const loginFailures = [1003, 1005, 1006, 1007, 1012, 40029, 60021];
/** A success of each interface, what a check and a log-in can fail with. */
const knownAnswers: readonly (readonly [string, number])[] = [
  ...[...interfaceSchemas.keys()].map((name): [string, number] => [name, 0]),
  ...loginFailures.map((code): [string, number] => ['qcloud.cam.id_skey', code]),
  ...[1001, 60012].map((code): [string, number] => ['qcloud.cam.auth', code]),
];

export function createWebMetrics(): WebMetrics {
  const registry = new Registry();
  collectNodeMetrics(registry, 'web');
  const registers = [registry];
  const requests = createTally({
    name: 'wafer_requests_total',
    help: 'Requests of the protocol by interface and return code',
    labelNames: ['interface', 'code'],
    known: knownAnswers,
    registry,
  });
  const seconds = createTimeTally({
    name: 'wafer_request_seconds',
    help: 'Time to answer a request of the protocol',
    labelName: 'interface',
    known: ['qcloud.cam.id_skey', 'qcloud.cam.auth'],
    buckets: requestBounds,
    registry,
  });
  const logins = createAppTally({ name: loginsMetric, help: 'Log-ins by app and whose doing their end is', registry });
  const checks = createAppTally({ name: checksMetric, help: 'Checks by app and whose doing their end is', registry });
  const stages = createStageTally(registry, ['admitted']);
  const lookups = createTally({
    name: 'wafer_session_lookups_total',
    help: 'Session checks: remembered by this process, cached in Redis, or confirmed from MySQL',
    labelNames: ['result'],
    known: [['remembered'], ['cached'], ['confirmed']],
    registry,
  });
  const refusedSessions = createTally({
    name: 'wafer_sessions_refused_total',
    help: 'Session checks that found no valid session, by what ended it; unknown: the skey proves nothing',
    labelNames: ['reason'],
    known: refusals.map((refusal) => [refusal] as const),
    registry,
  });
  const reads = new Counter({
    name: 'wafer_session_reads_total',
    help: 'Statements that read sessions from MySQL',
    registers,
  });
  const readSessions = new Counter({
    name: 'wafer_session_read_ids_total',
    help: 'Session ids asked for in those statements',
    registers,
  });
  const refused = new Counter({
    name: 'wafer_calls_refused_total',
    help: 'Requests that were not let in to wait for a worker',
    labelNames: ['queue', 'reason'],
    registers,
  });
  for (const queue of ['login', 'session'] as const)
    for (const reason of ['overloaded', 'limited']) refused.inc({ queue, reason }, 0);
  return {
    registry,
    answered(interfaceName, returnCode, duration) {
      requests.add(interfaceName, returnCode);
      seconds.add(interfaceName, duration);
    },
    knowApps(apps) {
      logins.know(apps);
      checks.know(apps);
    },
    loggedIn: logins.add,
    checked: checks.add,
    admittedLogin: (seconds) => stages.add('admitted', seconds),
    lookedUp: (result) => lookups.add(result),
    refusedSession: (refusal) => refusedSessions.add(refusal),
    readFromMysql(sessions) {
      reads.inc();
      readSessions.inc(sessions);
    },
    refusedCall: (queue, reason) => refused.inc({ queue, reason }),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

export function showGauges(registry: Registry, gauges: WebGauges): void {
  new Gauge({
    name: 'wafer_calls_waiting',
    help: 'Requests that wait for a worker',
    registers: [registry],
    collect() {
      this.set(gauges.waitingCalls());
    },
  });
  new Gauge({
    name: 'wafer_calls_limit',
    help: 'Requests that may wait for a worker before more are refused',
    labelNames: ['queue'],
    registers: [registry],
    collect() {
      for (const queue of ['login', 'session'] as const) this.set({ queue }, gauges.callLimit(queue));
    },
  });
  new Gauge({
    name: 'wafer_visits_pending',
    help: 'Visits that have not reached the visit log',
    registers: [registry],
    collect() {
      this.set(gauges.pendingVisits());
    },
  });
}

/**
 * The page of /metrics: figures of all processes, merged, since a scrape reaches any one of them. Once a second, whoever asks.
 * @param gather snapshots of all processes whose figures are shown
 */
export function renderMetrics(gather: () => Promise<Snapshot[]>): () => Promise<string> {
  return shareAnswer(async () => AggregatorRegistry.aggregate(await gather()).metrics());
}
