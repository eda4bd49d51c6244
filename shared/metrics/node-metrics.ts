import { collectDefaultMetrics, type Registry } from 'prom-client';

/** They are gauges that are named like counters, which `promtool check metrics` refuses; the same without `_total` has them by type. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Node's own metrics, `process_…` and `nodejs_…`. @param role a label, since front ends show those of workers too */
export function collectNodeMetrics(registry: Registry, role: 'web' | 'worker'): void {
  collectDefaultMetrics({ register: registry, labels: { role } });
  for (const name of misnamed) registry.removeSingleMetric(name);
}
