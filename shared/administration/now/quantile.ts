import { stageCount, wholeLogin, type Counts } from '../../metrics/counts.ts';
import { loginStageBounds, loginStages, requestBounds } from '../../metrics/login-stages.ts';

/** How long a stage of log-ins took, as closely as the buckets tell. */
export interface StageTime {
  /** One of `loginStages`, or `total`: as the client waited. */
  readonly stage: string;
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const infinity = '+Inf';
const stageName = /^stage (\S+) (\S+)$/;

/** All stages in the order of a log-in, the whole of it last. */
export function toStageTimes(counts: Counts): StageTime[] {
  return [...loginStages, wholeLogin].map((stage) => {
    const count = Math.min(Math.round(counts[stageCount(stage, infinity)] ?? 0), Number.MAX_SAFE_INTEGER);
    const at = (share: number) => (count === 0 ? null : toMs(quantile(bucketsOf(counts, stage), count, share)));
    return { stage, count, p50Ms: at(0.5), p95Ms: at(0.95) };
  });
}

interface Bucket {
  readonly bound: number;
  readonly upTo: number;
}

/** With those that are empty: where a bucket begins, the one before it ends. */
function bucketsOf(counts: Counts, stage: string): Bucket[] {
  // Of a version with other bounds, too.
  const bounds = new Set(stage === wholeLogin ? requestBounds : loginStageBounds);
  for (const name of Object.keys(counts)) {
    const [, of, bound = ''] = stageName.exec(name) ?? [];
    if (of === stage && bound !== infinity && Number.isFinite(Number(bound))) bounds.add(Number(bound));
  }
  let upTo = 0;
  return [...bounds]
    .toSorted((one, other) => one - other)
    .map((bound) => ({ bound, upTo: (upTo = Math.max(counts[stageCount(stage, bound)] ?? 0, upTo)) }));
}

/** As Prometheus reckons: evenly spread within a bucket; beyond the last bound it is that bound. In seconds. */
function quantile(buckets: readonly Bucket[], count: number, share: number): number {
  const rank = share * count;
  let [lower, below] = [0, 0];
  for (const { bound, upTo } of buckets) {
    if (upTo >= rank && upTo > below) return lower + (bound - lower) * Math.max((rank - below) / (upTo - below), 0);
    [lower, below] = [bound, upTo];
  }
  return lower;
}

function toMs(seconds: number): number {
  return Math.round(seconds * 10_000) / 10;
}
