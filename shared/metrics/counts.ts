import { checksMetric, loginsMetric, type AppResult } from './app-results.ts';
import { loginStageMetric } from './login-stages.ts';
import type { GroupFigures } from './read-figures.ts';
import type { Snapshot } from './snapshot.ts';

/** What samples and the page *Now* are made of: counters by a name of their own, without those that are 0. */
export type Counts = Readonly<Record<string, number>>;
/** By group of processes: each has counters of its own, which come and go with it. */
export type GroupCounts = Readonly<Record<string, Counts>>;

export type Labels = Readonly<Partial<Record<string, string | number>>>;

/** The whole log-in as the client waited. */
export const wholeLogin = 'total';
const wholeLoginMetric = 'wafer_request_seconds';
const loginInterface = 'qcloud.cam.id_skey';

export const loginCount = (result: AppResult, app: string) => `login ${result} ${app}`;
export const checkCount = (result: AppResult, app: string) => `check ${result} ${app}`;
/** Log-ins whose stage took at most so long. @param bound upper, in seconds, as Prometheus spells it */
export const stageCount = (stage: string, bound: number | string) => `stage ${stage} ${bound}`;
export const lookupCount = (result: string) => `lookup ${result}`;
export const refusedCalls = 'refused';

/** Who can write to Redis can make up labels; in a name of ours there is room for words. */
const word = /^[!-~]{1,200}$/;
const isWord = (label: string | number | undefined): label is string | number =>
  label !== undefined && word.test(String(label));

type NameOf = (labels: Labels, metricName: string | undefined) => string | undefined;

const named =
  (kind: string, ...names: string[]): NameOf =>
  (labels) => {
    const words = names.map((name) => labels[name]);
    return words.every(isWord) ? [kind, ...words].join(' ') : undefined;
  };
const bucket =
  (stageOf: (labels: Labels) => string | number | undefined, metric: string): NameOf =>
  (labels, metricName) => {
    const stage = stageOf(labels);
    const { le } = labels;
    return metricName === `${metric}_bucket` && isWord(stage) && isWord(le) ? stageCount(String(stage), le) : undefined;
  };

const names: ReadonlyMap<string, NameOf> = new Map<string, NameOf>([
  [loginsMetric, named('login', 'result', 'app')],
  [checksMetric, named('check', 'result', 'app')],
  [loginStageMetric, bucket(({ stage }) => stage, loginStageMetric)],
  [
    wholeLoginMetric,
    bucket((labels) => (labels['interface'] === loginInterface ? wholeLogin : undefined), wholeLoginMetric),
  ],
  ['wafer_wechat_calls_total', named('wechat', 'api', 'result')],
  ['wafer_session_lookups_total', named('lookup', 'result')],
  ['wafer_calls_refused_total', () => refusedCalls],
]);

/** All that a group has counted, its ended processes included. */
export function countGroup({ processes, kept }: GroupFigures): Counts {
  const counts: Record<string, number> = {};
  for (const snapshot of [kept, ...processes.map((each) => each.snapshot)]) addSnapshot(counts, snapshot);
  return counts;
}

function addSnapshot(counts: Record<string, number>, snapshot: Snapshot): void {
  for (const { name: metric, values } of snapshot) {
    const nameOf = names.get(metric);
    if (nameOf === undefined) continue;
    for (const { labels, metricName, value } of values) {
      const name = value > 0 ? nameOf(labels, metricName) : undefined;
      if (name !== undefined) counts[name] = (counts[name] ?? 0) + value;
    }
  }
}

export function countGroups(figures: readonly GroupFigures[]): GroupCounts {
  return Object.fromEntries(figures.map((group) => [group.group, countGroup(group)]));
}

/** What was counted between two looks at counters that did not fall. */
export function countsSince(before: Counts, now: Counts): Counts {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(now)) {
    const more = value - (before[name] ?? 0);
    if (more > 0) counts[name] = more;
  }
  return counts;
}

export function addCounts(all: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

/** Whether one that both have is smaller now: Redis has lost what ended processes had counted. */
export function hasFallen(before: Counts, now: Counts): boolean {
  return Object.entries(before).some(([name, value]) => (now[name] ?? 0) < value);
}
