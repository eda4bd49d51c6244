import { collectDefaultMetrics, type Registry } from 'prom-client';

/** Gauges named like counters: `promtool check metrics` refuses them. `nodejs_active_handles` (without `_total`) has the same by type. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Node's own metrics, `process_…` and `nodejs_…`. @param role a label, since front ends show those of workers too */
export function collectNodeMetrics(registry: Registry, role: 'web' | 'worker'): void {
  collectDefaultMetrics({ register: registry, labels: { role } });
  for (const name of misnamed) registry.removeSingleMetric(name);
}
