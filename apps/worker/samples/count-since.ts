import { addCounts, countsSince, hasFallen, type Counts, type GroupCounts } from '../../../shared/metrics/counts.ts';
import { keptForMs } from '../../../shared/metrics/figure-keys.ts';
import type { Sampled, SampledGroup } from '../../../shared/samples/sampled.ts';

/** For so long a group that is gone is remembered: longer than it may come back with what it had counted. */
const rememberedMs = keptForMs + 86_400_000;

/**
 * What was counted since the last sample. Counters of a group fall only if Redis has lost them; its processes show theirs again one
 * after another. So for that sample and the next one nothing counts of it: too little for two minutes, and never twice.
 * @param before undefined at the first sample: nobody knows since when the counters count
 */
export function countSince(
  before: Sampled | undefined,
  now: GroupCounts,
  nowMs: number,
): { readonly counts: Counts; readonly sampled: Sampled } {
  const sampled: Record<string, SampledGroup> = {};
  for (const [group, seen] of Object.entries(before ?? {}))
    if (nowMs - seen.seenAt < rememberedMs) sampled[group] = seen;
  const counted: Counts[] = [];
  for (const [group, counts] of Object.entries(now)) {
    const seen = before?.[group];
    const isFallen = seen !== undefined && hasFallen(seen.counts, counts);
    if (before !== undefined && !isFallen && seen?.isSettling !== true)
      counted.push(countsSince(seen?.counts ?? {}, counts));
    sampled[group] = { seenAt: nowMs, counts, ...(isFallen ? { isSettling: true as const } : {}) };
  }
  return { counts: addCounts(counted), sampled };
}
