import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { failures } from '../../shared/protocol/return-codes.ts';
import type { CallName } from '../../shared/rpc/contract.ts';
import type { Outcome } from '../../shared/protocol/outcome.ts';
import type { Exchange } from './wechat/code2session.ts';

/** What a worker counts. */
export interface WorkerMetrics {
  readonly registry: Registry;
  called(name: CallName, outcome: Outcome | 'dropped', seconds: number): void;
  askedWechat(exchange: Exchange, seconds: number): void;
  wroteVisits(count: number): void;
}

export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const calls = new Counter({
    name: 'wafer_jobs_total',
    help: 'Requests handled by workers',
    labelNames: ['call', 'code'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'wafer_job_seconds',
    help: 'Time from taking a request off the queue to its answer',
    labelNames: ['call'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const wechat = new Counter({
    name: 'wafer_wechat_calls_total',
    help: 'Calls to code2Session by what WeChat said: ok, an errcode, or why there was no answer',
    labelNames: ['result'],
    registers,
  });
  const wechatSeconds = new Histogram({
    name: 'wafer_wechat_seconds',
    help: 'Time that WeChat took',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const visits = new Counter({ name: 'wafer_visits_written_total', help: 'Visits written to MySQL', registers });
  return {
    registry,
    called(call, outcome, seconds) {
      const code = outcome === 'dropped' ? outcome : String(outcome.ok ? 0 : failures[outcome.failure].code);
      calls.inc({ call, code });
      callSeconds.observe({ call }, seconds);
    },
    askedWechat(exchange, seconds) {
      wechat.inc({ result: resultOf(exchange) });
      wechatSeconds.observe(seconds);
    },
    wroteVisits: (count) => visits.inc(count),
  };
}

function resultOf(exchange: Exchange): string {
  if (exchange.kind === 'session') return 'ok';
  if (exchange.kind === 'refused') return exchange.errcode;
  return exchange.kind === 'unreachable' ? exchange.reason : exchange.kind;
}
