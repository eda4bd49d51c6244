import type { Labels } from './counts.ts';
import type { GroupFigures } from './read-figures.ts';

/**
 * What a gauge says of the whole system now, out of the processes that have published lately; undefined if none shows it.
 * - `sum`: each process has its own part
 * - `max`: all show the same, or the worst counts
 * - `sum-of-series`: all show the same series; of each the greatest, added up
 */
export function gaugeOf(
  figures: readonly GroupFigures[],
  name: string,
  how: 'sum' | 'max' | 'sum-of-series',
  isMeant: (labels: Labels) => boolean = () => true,
): number | undefined {
  const bySeries = new Map<string, number>();
  let sum: number | undefined;
  for (const { processes } of figures)
    for (const { isFresh, snapshot } of processes)
      for (const { labels, value } of isFresh ? (snapshot.find((metric) => metric.name === name)?.values ?? []) : []) {
        if (!isMeant(labels)) continue;
        const series = JSON.stringify(labels);
        bySeries.set(series, Math.max(bySeries.get(series) ?? value, value));
        sum = (sum ?? 0) + value;
      }
  if (sum === undefined || how === 'sum') return sum;
  const values = [...bySeries.values()];
  return how === 'max' ? Math.max(...values) : values.reduce((all, value) => all + value, 0);
}
