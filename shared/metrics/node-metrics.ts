import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { readVersion } from './version.ts';

/** Gauges named like counters: `promtool check metrics` refuses them. `nodejs_active_handles` (without `_total`) has the same by type. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Of many processes the one that stands still longest is looked for; prom-client would show their mean. */
const worstCounts = ['nodejs_eventloop_lag_p99_seconds', 'nodejs_eventloop_lag_max_seconds'];

/**
 * Node's own metrics, `process_…` and `nodejs_…`, and which version runs.
 * @param role a label, since front ends show those of workers too
 */
export function collectNodeMetrics(registry: Registry, role: 'web' | 'worker' | 'console'): void {
  collectDefaultMetrics({ register: registry, labels: { role } });
  for (const name of misnamed) registry.removeSingleMetric(name);
  for (const name of worstCounts)
    (registry.getSingleMetric(name) as unknown as { aggregator: string }).aggregator = 'max';
  const info = new Gauge({
    name: buildInfoMetric,
    help: 'Versions that run, of this server and of Node: 1',
    labelNames: ['role', 'version', 'node'],
    aggregator: 'max',
    registers: [registry],
  });
  info.set({ role, version: readVersion(), node: process.versions.node }, 1);
}

export const buildInfoMetric = 'wafer_build_info';
