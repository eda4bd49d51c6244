import { z } from 'zod';
import type { Snapshot } from './snapshot.ts';

/** What Prometheus takes for the name of a metric, and of a label. */
const name = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
const labelName = z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/);

/** No process counts or measures more; and what many have said adds up to a number. */
const greatest = 1e15;

const valueSchema = z.object({
  value: z.number().min(-greatest).max(greatest),
  labels: z.record(labelName, z.union([z.string(), z.number()])),
  metricName: name.optional(),
});

const metricSchema = z
  .object({
    name,
    help: z.string(),
    type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
    aggregator: z.enum(['sum', 'first', 'omit', 'average', 'min', 'max']),
    // A gauge that is not a number, as before the first measurement, has no text in JSON.
    values: z.array(valueSchema.or(z.object({ value: z.null() }).transform(() => undefined))),
  })
  // No series of another metric.
  .refine(({ name: own, values }) => {
    const series = new Set([undefined, own, `${own}_bucket`, `${own}_sum`, `${own}_count`]);
    return values.every((value) => series.has(value?.metricName));
  });

const snapshotSchema = z.array(metricSchema);

/** A snapshot as JSON. @returns undefined if no process of ours has written it */
export function readSnapshot(text: string): Snapshot | undefined {
  try {
    const metrics = snapshotSchema.parse(JSON.parse(text));
    return metrics.map((metric) => ({
      ...metric,
      values: metric.values.filter((value) => value !== undefined),
    })) as unknown as Snapshot;
  } catch {
    return undefined;
  }
}
