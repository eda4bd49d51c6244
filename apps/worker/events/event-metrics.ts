import { Counter, Gauge, type Registry } from 'prom-client';
import { createTimeTally } from '../../../shared/metrics/tallies.ts';
import type { WorkerMetrics } from '../metrics.ts';

export function createEventMetrics(
  registry: Registry,
): Pick<WorkerMetrics, 'sentEvent' | 'buriedEvents' | 'showEventAges'> {
  const registers = [registry];
  const sent = new Counter({
    name: 'wafer_events_total',
    help: 'Events by endpoint and what came of them: delivered, failed (tried again later), dead (not taken within a day)',
    labelNames: ['endpoint', 'result'],
    registers,
  });
  const seconds = createTimeTally({
    name: 'wafer_event_seconds',
    help: 'Time that an endpoint took to answer',
    labelName: 'endpoint',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registry,
  });
  const oldest = new Gauge({
    name: 'wafer_events_oldest_seconds',
    help: 'Age of the oldest event that an endpoint has still to get; 0: it has all',
    labelNames: ['endpoint'],
    // One worker at a time knows.
    aggregator: 'max',
    registers,
  });
  return {
    sentEvent(endpoint, result, took) {
      sent.inc({ endpoint, result });
      seconds.add(endpoint, took);
    },
    buriedEvents: (endpoint, count) => sent.inc({ endpoint, result: 'dead' }, count),
    showEventAges(ages) {
      oldest.reset();
      for (const [endpoint, age] of ages) oldest.set({ endpoint }, age);
    },
  };
}
