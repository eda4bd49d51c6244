import { Counter, type MetricObjectWithValues, type MetricValueWithName, type Registry } from 'prom-client';

/** A counter with up to two labels that is counted in each request, so that counting may cost next to nothing. */
export interface Tally {
  add(first: string, second?: string | number): void;
}

/** Counts here, and tells prom-client when it is asked: its own counter looks its labels up at each count. */
export function createTally(options: {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly [string] | readonly [string, string];
  /** Series that are there from the start, with 0: the first count of a series that was not there is no increase. */
  readonly known?: readonly (readonly [string] | readonly [string, string | number])[];
  readonly registry: Registry;
}): Tally {
  const { name, help, labelNames, known: knownSeries = [], registry } = options;
  const [firstName, secondName] = labelNames;
  const counts = new Map<string, Map<string | number | undefined, { count: number }>>();
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [first, bySecond] of counts) {
        for (const [second, { count }] of bySecond)
          this.inc({ [firstName]: first, ...(secondName === undefined ? {} : { [secondName]: second }) }, count);
      }
    },
  });
  const find = (first: string, second: string | number | undefined): { count: number } => {
    let bySecond = counts.get(first);
    if (bySecond === undefined) counts.set(first, (bySecond = new Map()));
    let known = bySecond.get(second);
    if (known === undefined) bySecond.set(second, (known = { count: 0 }));
    return known;
  };
  for (const [first, second] of knownSeries) find(first, second);
  return {
    add(first, second) {
      find(first, second).count++;
    },
  };
}

/** Not `{ ...labels, le }`: V8 of Node 20 would make a hidden class for each (docs/performance.md). */
function labelsWith(labels: Readonly<Record<string, string>>, le: number | string): Record<string, string | number> {
  const all: Record<string, string | number> = {};
  for (const name in labels) all[name] = labels[name] as string;
  all['le'] = le;
  return all;
}

/** A histogram of seconds with one label, for the same reason. */
export interface TimeTally {
  add(label: string, seconds: number): void;
}

interface Times {
  sum: number;
  count: number;
  /** Not cumulative; one more than there are bounds. */
  readonly buckets: Float64Array;
}

/** @param options.buckets upper bounds in seconds, ascending */
export function createTimeTally(options: {
  readonly name: string;
  readonly help: string;
  readonly labelName: string;
  /** Labels that are there from the start. */
  readonly known?: readonly string[];
  readonly buckets: readonly number[];
  readonly registry: Registry;
}): TimeTally {
  const { name, help, labelName, known = [], buckets, registry } = options;
  const byLabel = new Map<string, Times>();
  const find = (label: string): Times => {
    let times = byLabel.get(label);
    if (times === undefined)
      byLabel.set(label, (times = { sum: 0, count: 0, buckets: new Float64Array(buckets.length + 1) }));
    return times;
  };
  known.forEach(find);
  const valuesOf = (label: string, { sum, count, buckets: counts }: Times): MetricValueWithName<string>[] => {
    let upTo = 0;
    const labels = { [labelName]: label };
    return [
      ...[...buckets, '+Inf'].map((bound, index) => ({
        metricName: `${name}_bucket`,
        labels: labelsWith(labels, bound),
        value: (upTo += counts[index] as number),
      })),
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  };
  const describe = async (): Promise<MetricObjectWithValues<MetricValueWithName<string>>> =>
    ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...byLabel].flatMap(([label, times]) => valuesOf(label, times)),
    }) as unknown as MetricObjectWithValues<MetricValueWithName<string>>;
  // What a registry asks of its metrics, and no more.
  registry.registerMetric({ name, get: describe, reset: () => byLabel.clear() } as unknown as Counter);
  return {
    add(label, seconds) {
      const times = find(label);
      let index = 0;
      while (index < buckets.length && seconds > (buckets[index] as number)) index++;
      times.buckets[index] = (times.buckets[index] as number) + 1;
      times.sum += seconds;
      times.count++;
    },
  };
}
