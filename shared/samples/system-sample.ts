import { stageCount, type Counts } from '../metrics/counts.ts';

/** What is known of the whole system alone, as JSON in a column: there is one a minute, so nothing is in it that is 0. */
export interface SystemSample {
  /** Log-ins whose stage took at most as long as a bound in seconds, and longer than the one before. */
  readonly stages?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** All other counts, under their names. */
  readonly counts?: Counts;
  /** At the end of the minute: jobs that waited, milliseconds of the oldest, processes. Left out: not known. */
  readonly waiting?: number;
  readonly oldestMs?: number;
  readonly web?: number;
  readonly workers?: number;
}

const stageName = /^stage (\S+) (\S+)$/;
const appName = /^(login|check) /;

/** Of counts all but what the rows of the apps have. */
export function toSystemSample(counts: Counts): Pick<SystemSample, 'stages' | 'counts'> {
  const upTo = new Map<string, [bound: string, count: number][]>();
  const others: Record<string, number> = {};
  for (const [name, count] of Object.entries(counts)) {
    const [, stage, bound = ''] = stageName.exec(name) ?? [];
    if (stage !== undefined) upTo.set(stage, [...(upTo.get(stage) ?? []), [bound, count]]);
    else if (!appName.test(name)) others[name] = count;
  }
  const stages = Object.fromEntries([...upTo].map(([stage, bounds]) => [stage, apart(bounds)]));
  return { stages, counts: others };
}

/** Each bucket for itself. */
function apart(bounds: readonly [bound: string, count: number][]): Record<string, number> {
  const own: Record<string, number> = {};
  let before = 0;
  for (const [bound, count] of bounds.toSorted(([one], [other]) => toNumber(one) - toNumber(other))) {
    if (count > before) own[bound] = count - before;
    before = Math.max(before, count);
  }
  return own;
}

/** Back from that, with several added up. */
export function systemCounts(samples: readonly SystemSample[]): Counts {
  const sum: Record<string, number> = {};
  const stages = new Map<string, Map<string, number>>();
  for (const sample of samples) {
    for (const [name, count] of Object.entries(sample.counts ?? {})) sum[name] = (sum[name] ?? 0) + count;
    for (const [stage, buckets] of Object.entries(sample.stages ?? {})) {
      let all = stages.get(stage);
      if (all === undefined) stages.set(stage, (all = new Map()));
      for (const [bound, count] of Object.entries(buckets)) all.set(bound, (all.get(bound) ?? 0) + count);
    }
  }
  for (const [stage, buckets] of stages) {
    let upTo = 0;
    for (const [bound, count] of [...buckets].toSorted(([one], [other]) => toNumber(one) - toNumber(other)))
      sum[stageCount(stage, bound)] = upTo += count;
    sum[stageCount(stage, '+Inf')] = upTo;
  }
  return sum;
}

/** @returns undefined for what is no JSON of ours */
export function parseSystemSample(text: string | null): SystemSample | undefined {
  try {
    return text === null ? undefined : (JSON.parse(text) as SystemSample);
  } catch {
    return undefined;
  }
}

function toNumber(bound: string): number {
  return bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
}
