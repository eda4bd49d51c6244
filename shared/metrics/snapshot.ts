import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client';

/** What a process counted, as its registry gives it. */
export type Snapshot = readonly MetricObjectWithValues<MetricValueWithName<string>>[];

type Metric = Snapshot[number];

const accumulating = new Set(['counter', 'histogram', 'summary']);
const isAccumulating = ({ type }: Metric) => accumulating.has(String(type));

/** Without gauges: what a process that has ended counted still happened, and what it was at present is no more. */
export const countersOf = (snapshot: Snapshot): Snapshot => snapshot.filter(isAccumulating);
export const gaugesOf = (snapshot: Snapshot): Snapshot => snapshot.filter((metric) => !isAccumulating(metric));

/** Adds the counters of `added` times `factor`, 1 or -1, to those of `kept`. */
export function addCounters(kept: Snapshot, added: Snapshot, factor: 1 | -1): Snapshot {
  const byName = new Map(kept.map((metric) => [metric.name, metric]));
  for (const metric of countersOf(added)) {
    const known = byName.get(metric.name);
    byName.set(metric.name, known === undefined ? scale(metric, factor) : addValues(known, metric, factor));
  }
  return [...byName.values()];
}

const seriesOf = ({ metricName, labels }: MetricValueWithName<string>) =>
  JSON.stringify([metricName, Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))]);

function addValues(known: Metric, added: Metric, factor: 1 | -1): Metric {
  const values = new Map(known.values.map((value) => [seriesOf(value), value]));
  for (const value of added.values) {
    const series = seriesOf(value);
    values.set(series, { ...value, value: (values.get(series)?.value ?? 0) + factor * value.value });
  }
  return { ...known, values: [...values.values()] };
}

function scale(metric: Metric, factor: 1 | -1): Metric {
  return { ...metric, values: metric.values.map((value) => ({ ...value, value: factor * value.value })) };
}
