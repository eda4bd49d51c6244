import { STATUS_CODES } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import { createStageTally, type LoginStage } from '../../shared/metrics/login-stages.ts';
import { collectNodeMetrics } from '../../shared/metrics/node-metrics.ts';
import type { Snapshot } from '../../shared/metrics/snapshot.ts';
import { createTally, createTimeTally } from '../../shared/metrics/tallies.ts';
import { returnCodeOf } from '../../shared/protocol/envelope.ts';
import { queueOfCall, type CallName, type QueueName } from '../../shared/rpc/contract.ts';
import type { FinishedRun } from '../../shared/retention/progress.ts';
import { retentionParts, type RetentionPart } from '../../shared/retention/settings.ts';
import type { Outcome } from '../../shared/protocol/outcome.ts';
import type { WechatResult } from '../../shared/wechat/answer.ts';
import type { UserDataResult } from './user-data-opener.ts';
import { createEventMetrics } from './events/event-metrics.ts';
import { createPlaceGauges } from './place-gauges.ts';
import { alertErrcodes, type AlertErrcode } from './wechat/alerts.ts';
import { isShed } from './wechat/breakers.ts';
import { wechatApis, type WechatApi } from '../../shared/wechat/watch.ts';

/** What a worker counts. */
export interface WorkerMetrics {
  readonly registry: Registry;
  snapshot(): Promise<Snapshot>;
  called(name: CallName, outcome: Outcome | 'dropped', seconds: number): void;
  /** Its answer is on its way, so long after it was there. */
  replied(name: CallName, seconds: number): void;
  /** A job was taken from a worker that is dead or stands still. */
  stalled(queue: QueueName): void;
  /** A log-in has spent so long in this stage. */
  spent(stage: LoginStage, seconds: number): void;
  askedWechat(api: WechatApi, answer: { readonly kind: string }, seconds: number): void;
  /** @param count pairs of app and call that have this errcode at present */
  raisedAlert(errcode: AlertErrcode, count: number): void;
  /** @param count apps whose breaker for this call is not closed at present */
  openedBreaker(api: string, count: number): void;
  wroteVisits(count: number): void;
  /** Takes calls from one queue more, so many at once. @param inHand those of it that this worker has at present */
  addPlaces(queue: QueueName, places: number, inHand: () => number): void;
  openedUserData(call: CallName, result: UserDataResult): void;
  removedRows(part: RetentionPart, count: number): void;
  /** The last run of all workers. */
  ranRetention(run: FinishedRun): void;
  sentEvent(endpoint: string, result: 'delivered' | 'failed', seconds: number): void;
  /** @param count events that an endpoint did not take within a day */
  buriedEvents(endpoint: string, count: number): void;
  /** How old, in seconds, the oldest event is that each endpoint has still to get. Of the one worker that moves events. */
  showEventAges(ages: ReadonlyMap<string, number>): void;
}

export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry();
  collectNodeMetrics(registry, 'worker');
  const registers = [registry];
  const calls = createTally({
    name: 'wafer_jobs_total',
    help: 'Requests handled by workers',
    labelNames: ['call', 'code'],
    known: [
      ...Object.keys(queueOfCall).map((call): [string, number] => [call, 0]),
      ...[1005, 1006, 1007, 40029, 60021, 'dropped'].map((code): [string, string | number] => ['login', code]),
    ],
    registry,
  });
  const callSeconds = createTimeTally({
    name: 'wafer_job_seconds',
    help: 'Time from taking a request off the queue to its answer',
    labelName: 'call',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registry,
  });
  const stages = createStageTally(registry, ['queued', 'wechat', 'decrypt', 'mysql', 'reply']);
  const wechat = createTally({
    name: 'wafer_wechat_calls_total',
    help: 'Calls to WeChat by what it said: ok, an errcode (other: none that it documents), or why there was no answer (wechat_breaker: not asked)',
    labelNames: ['api', 'result'],
    known: ['ok', 'wechat_timeout', 'wechat_network', 'wechat_breaker', '-1', '40029', '40125', '45011'].map(
      (result): [string, string] => ['code2session', result],
    ),
    registry,
  });
  const wechatSeconds = createTimeTally({
    name: 'wafer_wechat_seconds',
    help: 'Time that WeChat took',
    labelName: 'api',
    known: ['code2session'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registry,
  });
  const userData = createTally({
    name: 'wafer_user_data_total',
    help: 'Encrypted user data by what came of it: opened, or why not (too_many_failures, too_many_at_once: not tried)',
    labelNames: ['call', 'result'],
    registry,
  });
  const alerts = new Gauge({
    name: 'wafer_wechat_alert',
    help: 'Apps and calls that WeChat refuses until somebody acts: 40013 unknown appid, 40125 wrong secret, 40164 address not allowed, 40230 to 40236 API signing, 61003 platform not authorised',
    labelNames: ['errcode'],
    // Each worker sees the same apps.
    aggregator: 'max',
    registers,
  });
  const breakers = new Gauge({
    name: 'wafer_wechat_breaker',
    help: 'Apps for which this call to WeChat is not made at present, because it does not answer',
    labelNames: ['api'],
    aggregator: 'max',
    registers,
  });
  const visits = new Counter({ name: 'wafer_visits_written_total', help: 'Visits written to MySQL', registers });
  const stalled = new Counter({
    name: 'wafer_jobs_stalled_total',
    help: 'Jobs that were taken from a worker that is dead or stands still, to be done by another',
    labelNames: ['queue'],
    registers,
  });
  for (const queue of ['login', 'session'] as const) stalled.inc({ queue }, 0);
  const removed = new Counter({
    name: 'wafer_retention_removed_total',
    help: 'Rows that left MySQL because they were over for so long',
    labelNames: ['rows'],
    registers,
  });
  for (const rows of retentionParts) removed.inc({ rows }, 0);
  const events = createEventMetrics(registry);
  const showLastRun = createLastRunGauges(registers);
  for (const errcode of alertErrcodes) alerts.set({ errcode }, 0);
  for (const api of wechatApis) breakers.set({ api }, 0);
  return {
    registry,
    ...events,
    snapshot: () => registry.getMetricsAsJSON(),
    called(call, outcome, seconds) {
      calls.add(call, outcome === 'dropped' ? outcome : returnCodeOf(outcome));
      callSeconds.add(call, seconds);
    },
    replied(call, seconds) {
      if (call === 'login') stages.add('reply', seconds);
    },
    stalled: (queue) => stalled.inc({ queue }),
    spent: stages.add,
    askedWechat(api, answer, seconds) {
      wechat.add(api, resultOf(answer));
      if (!isShed(answer)) wechatSeconds.add(api, seconds);
    },
    raisedAlert: (errcode, count) => alerts.set({ errcode }, count),
    openedBreaker: (api, count) => breakers.set({ api }, count),
    wroteVisits: (count) => visits.inc(count),
    addPlaces: createPlaceGauges(registry),
    openedUserData: (call, result) => userData.add(call, result),
    removedRows: (rows, count) => removed.inc({ rows }, count),
    ranRetention: ({ endedAt }) => showLastRun(endedAt / 1000),
  };
}

/** They are there from the first run on that is known: before it there is no time to show. */
function createLastRunGauges(registers: Registry[]): (atSeconds: number) => void {
  let lastAt: number | undefined;
  return (atSeconds) => {
    const isFirst = lastAt === undefined;
    lastAt = Math.max(lastAt ?? 0, atSeconds);
    if (!isFirst) return;
    new Gauge({
      name: 'wafer_retention_last_run_timestamp_seconds',
      help: 'When a run of the retention last came to its end',
      aggregator: 'max',
      registers,
      collect() {
        this.set(lastAt ?? 0);
      },
    });
    new Gauge({
      name: 'wafer_retention_last_run_age_seconds',
      help: 'How long ago that was',
      aggregator: 'min',
      registers,
      collect() {
        this.set(Math.max(0, Date.now() / 1000 - (lastAt ?? 0)));
      },
    });
  };
}

/** What WeChat documents for the calls that are made here. A series for whatever it answered would be one without end. */
const knownErrcodes = new Set(
  (
    '-1 40001 40002 40003 40013 40014 40029 40097 40125 40163 40164 40226 40230 40231 40232 40233 40234 40235 40236 41001 41002 41004 41008 42001 43002 44002 ' +
    '45009 45011 47001 48001 50001 50002 61003 61024 87009 89501 89503 89506 89507 unknown'
  ).split(' '),
);

function reasonOf(reason: string): string {
  const status = /^wechat_http_(.*)$/.exec(reason)?.[1];
  return status === undefined || status in STATUS_CODES ? reason : 'other';
}

function resultOf(answer: { readonly kind: string }): string {
  const failure = answer as WechatResult<unknown>;
  if (failure.kind === 'refused') return knownErrcodes.has(failure.errcode) ? failure.errcode : 'other';
  if (failure.kind === 'unreachable') return reasonOf(failure.reason);
  return failure.kind === 'invalid' ? failure.kind : 'ok';
}
