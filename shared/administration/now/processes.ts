import { buildInfoMetric } from '../../metrics/node-metrics.ts';
import type { GroupFigures, ProcessFigures } from '../../metrics/read-figures.ts';

/** A front end or a worker that lives. */
export interface LiveProcess {
  readonly name: string;
  readonly role: 'web' | 'worker';
  readonly version: string | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  /** Of one core, over the time between the last two figures of its that were seen. */
  readonly cpuShare: number | null;
  readonly memoryBytes: number | null;
  /** How long its event loop stood still at most, but for one time in a hundred, in the last seconds. */
  readonly loopDelayMs: number | null;
  /** Seconds since it last published its figures; null: it has not yet. */
  readonly seenSecondsAgo: number | null;
}

interface Spent {
  readonly at: number;
  readonly cpuSeconds: number;
  readonly cpuShare: number | null;
}

/** Remembers what processes had spent when they were last looked at. */
export function createProcessList(): (
  names: readonly string[],
  figures: readonly GroupFigures[],
  nowMs: number,
) => LiveProcess[] {
  let known = new Map<string, Spent>();

  const noteSpent = (name: string, { publishedAt: at, snapshot }: ProcessFigures): Spent | undefined => {
    const before = known.get(name);
    if (before?.at === at) return before;
    const cpuSeconds = valueOf(snapshot, 'process_cpu_seconds_total');
    if (cpuSeconds === undefined) return undefined;
    if (before === undefined) return { at, cpuSeconds, cpuShare: null };
    const seconds = (at - before.at) / 1000;
    return { at, cpuSeconds, cpuShare: seconds <= 0 ? null : Math.max(cpuSeconds - before.cpuSeconds, 0) / seconds };
  };

  return (names, figures, nowMs) => {
    const published = new Map(figures.flatMap(({ processes }) => processes.map((each) => [each.instance, each])));
    const next: typeof known = new Map();
    const processes = names.toSorted().map((name): LiveProcess => {
      const role = name.startsWith('web-') ? 'web' : 'worker';
      const own = published.get(name);
      if (own === undefined)
        return {
          name,
          role,
          version: null,
          startedAt: null,
          cpuShare: null,
          memoryBytes: null,
          loopDelayMs: null,
          seenSecondsAgo: null,
        };
      const spent = noteSpent(name, own);
      if (spent !== undefined) next.set(name, spent);
      const { snapshot, publishedAt } = own;
      const startSeconds = valueOf(snapshot, 'process_start_time_seconds');
      const loopSeconds = valueOf(snapshot, 'nodejs_eventloop_lag_p99_seconds');
      return {
        name,
        role,
        version: labelOf(snapshot, buildInfoMetric, 'version') ?? null,
        startedAt: toIso(startSeconds),
        cpuShare: spent?.cpuShare == null ? null : Math.round(spent.cpuShare * 1000) / 1000,
        memoryBytes: valueOf(snapshot, 'process_resident_memory_bytes') ?? null,
        loopDelayMs: loopSeconds === undefined ? null : Math.round(loopSeconds * 10_000) / 10,
        seenSecondsAgo: Math.max(Math.round((nowMs - publishedAt) / 100) / 10, 0),
      };
    });
    known = next;
    return processes;
  };
}

type Snapshot = ProcessFigures['snapshot'];

function valueOf(snapshot: Snapshot, metric: string): number | undefined {
  return snapshot.find(({ name }) => name === metric)?.values[0]?.value;
}

function labelOf(snapshot: Snapshot, metric: string, label: string): string | undefined {
  const value = snapshot.find(({ name }) => name === metric)?.values[0]?.labels[label];
  return value === undefined ? undefined : String(value);
}

/** Whoever writes to Redis can write any number. */
function toIso(seconds: number | undefined): string | null {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
