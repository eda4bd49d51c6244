import { percentile } from '../../bench/measure/statistics.ts';

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/**
 * The z of Mann and Whitney: how far the ranks of `left` among all are from what chance gives, in standard deviations; positive
 * if they are greater. Without a correction for equal values, which times of this resolution hardly have.
 */
export function compareSamples(left: readonly number[], right: readonly number[]): number {
  const all = [
    ...left.map((value) => ({ value, isLeft: true })),
    ...right.map((value) => ({ value, isLeft: false })),
  ].toSorted((one, other) => one.value - other.value);
  let rankSum = 0;
  for (const [index, { isLeft }] of all.entries()) if (isLeft) rankSum += index + 1;
  const u = rankSum - (left.length * (left.length + 1)) / 2;
  const product = left.length * right.length;
  return (u - product / 2) / Math.sqrt((product * (all.length + 1)) / 12);
}
