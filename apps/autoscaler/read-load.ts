import { createProcessList } from '../../shared/administration/now/processes.ts';
import { placesMetric, placesTakenMetric } from '../../shared/metrics/places.ts';
import { createFiguresReader, type GroupFigures, type ProcessFigures } from '../../shared/metrics/read-figures.ts';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { createQueueReader } from '../../shared/rpc/queue-state.ts';
import type { Load } from './decide.ts';

/** Processes publish every five seconds: what was refused shows for as long, and a bit. */
const refusedForMs = 6000;
const refusedMetric = 'wafer_calls_refused_total';

/**
 * Reads the load out of what is there anyhow: the queues, and the figures that every process publishes.
 * @returns undefined if no worker has published any; rejects when Redis does not answer
 */
export function createLoadReader(
  commands: RedisClient,
  clock: RedisClock,
  loginQueues: number,
): () => Promise<Load | undefined> {
  const queues = createQueueReader(commands, loginQueues);
  const figures = createFiguresReader(commands, clock);
  const listProcesses = createProcessList();
  const countRefused = createRefusedCount();

  return async () => {
    const nowMs = clock.nowMs();
    const [loads, groups] = await Promise.all([queues.read(nowMs), figures.read()]);
    const refused = countRefused(groups, nowMs);
    const workers = groups
      .filter(({ group }) => group === 'worker')
      .flatMap(({ processes }) => processes)
      .filter(({ isFresh }) => isFresh);
    if (workers.length === 0) return undefined;
    const names = workers.map(({ instance }) => instance);
    const seen = listProcesses(names, groups, nowMs);
    return {
      oldestMs: Math.max(0, ...loads.map(({ oldestWaitingMs = 0 }) => oldestWaitingMs)),
      refused,
      workers: workers.length,
      ...fullestQueue(workers),
      loopDelayMs: median(seen.map(({ loopDelayMs }) => loopDelayMs ?? 0)),
      cpuShare: seen.reduce((sum, { cpuShare }) => sum + (cpuShare ?? 0), 0) / seen.length,
    };
  };
}

/** Of each group of processes what its counter has grown by, lately; one that fell was counted anew. */
function createRefusedCount(): (groups: readonly GroupFigures[], nowMs: number) => number {
  let known = new Map<string, number>();
  let grown: { readonly at: number; readonly by: number }[] = [];
  return (groups, nowMs) => {
    const next = new Map(groups.map((each) => [each.group, countOf(each)]));
    let by = 0;
    for (const [group, count] of next) by += Math.max(0, count - (known.get(group) ?? count));
    known = next;
    grown = [...grown, { at: nowMs, by }].filter(({ at }) => nowMs - at < refusedForMs);
    return grown.reduce((sum, each) => sum + each.by, 0);
  };
}

/** `limited` is somebody's own limit, and no want of workers. */
function countOf({ kept, processes }: GroupFigures): number {
  return [kept, ...processes.map(({ snapshot }) => snapshot)].reduce(
    (sum, snapshot) =>
      sum +
      (snapshot.find(({ name }) => name === refusedMetric)?.values ?? [])
        .filter(({ labels }) => labels['reason'] === 'overloaded')
        .reduce((all, { value }) => all + value, 0),
    0,
  );
}

function fullestQueue(workers: readonly ProcessFigures[]): { places: number; taken: number } {
  const byQueue = new Map<string, { places: number; taken: number }>();
  const add = (metric: string, what: 'places' | 'taken') => {
    for (const { snapshot } of workers)
      for (const { labels, value } of snapshot.find(({ name }) => name === metric)?.values ?? []) {
        const queue = String(labels['queue']);
        const sums = byQueue.get(queue) ?? { places: 0, taken: 0 };
        byQueue.set(queue, { ...sums, [what]: sums[what] + value });
      }
  };
  add(placesMetric, 'places');
  add(placesTakenMetric, 'taken');
  const share = ({ places, taken }: { places: number; taken: number }) => taken / Math.max(places, 1);
  return [...byQueue.values()].toSorted((one, other) => share(other) - share(one))[0] ?? { places: 1, taken: 0 };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
