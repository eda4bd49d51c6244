/** What is seen at one moment. */
export interface Sample {
  /** Milliseconds of a clock that goes on evenly. */
  readonly atMs: number;
  /** Workers of this machine. */
  readonly workers: number;
  /** Since any autoscaler last made a step; undefined if none is known. */
  readonly sinceStepMs: number | undefined;
  /** undefined: Redis does not answer, or no worker has published its figures. */
  readonly load: Load | undefined;
}

/** Of the whole system, since all workers take from the same queues. */
export interface Load {
  /** How long the oldest waiting job has waited; 0: none waits. */
  readonly oldestMs: number;
  /** Calls that front ends refused lately, because they would wait in vain. */
  readonly refused: number;
  /** Workers that have published figures lately. */
  readonly workers: number;
  /** How many calls they can have in hand, and how many they have, in the queue that is fullest. */
  readonly places: number;
  readonly taken: number;
  /** By how much their event loops are late, one time in a hundred: the median of these workers. */
  readonly loopDelayMs: number;
  /** Their mean share of one core. */
  readonly cpuShare: number;
}

export interface Limits {
  readonly min: number;
  readonly max: number;
}

type Step = 'up' | 'down' | 'stay';

/** What a decision remembers for the next one. */
export interface Memory {
  /** Since when, without a break, workers have been too few. */
  readonly pressedSinceMs?: number | undefined;
  /** Since when, without a break, one fewer would do. */
  readonly calmSinceMs?: number | undefined;
  /** How long that has to last before a step down. */
  readonly calmForMs: number;
  /** When the last step down was decided. */
  readonly downAtMs?: number | undefined;
}

export interface Decision {
  readonly step: Step;
  /** For the log. */
  readonly why: string;
  /** Calls wait, and another worker is no help or not allowed: somebody should know. */
  readonly isHeld?: true;
  readonly memory: Memory;
}

/** Up quickly: when two samples agree, and not before the figures show what the last new worker brings. */
const pressedForMs = 1500;
export const upEveryMs = 6000;
/** Down slowly. */
export const calmForMs = 60_000;
export const downEveryMs = 30_000;
/** A step up so soon after one down says that the load comes and goes: the calm has to last twice as long from then on, up to the last of these. */
export const regretMs = 120_000;
const longestCalmMs = 600_000;

/** A log-in that lies in the queue for so long is late. */
const lateMs = 500;
const promptMs = 100;
/** Of the places, of a core, of a moment: from here on a worker counts as busy. */
const busyPlaces = 0.9;
const busyCpu = 0.85;
const busyLoopMs = 150;
/** With one fewer, the rest would be this busy at most. */
const easyPlaces = 0.5;
const easyCpu = 0.6;

export const freshMemory: Memory = { calmForMs };

/**
 * Whether one more worker is needed, or one fewer would do. More only if calls wait, or are refused, and those that are there are busy
 * themselves: while they have free places and time, what is slow is WeChat or MySQL, and another worker would wait for it just so.
 */
export function decide(memory: Memory, sample: Sample, { min, max }: Limits): Decision {
  const { workers, load, atMs, sinceStepMs = Number.POSITIVE_INFINITY } = sample;
  const stay = (why: string, next: Memory): Decision => ({ step: 'stay', why, memory: next });
  const unsure = { ...memory, pressedSinceMs: undefined, calmSinceMs: undefined };
  if (workers === 0) return stay('there is no worker to make another one of', unsure);
  if (workers < min) return { step: 'up', why: `at least ${min} are wanted`, memory: unsure };
  if (workers > max) return { step: 'down', why: `at most ${max} are wanted`, memory: unsure };
  if (load === undefined) return stay('nobody knows the load', unsure);

  const pressure = findPressure(load);
  const strain = pressure && findStrain(load);
  if (pressure !== undefined && strain !== undefined) {
    const next = { ...unsure, pressedSinceMs: memory.pressedSinceMs ?? atMs };
    const why = `${pressure}; ${strain}`;
    if (workers >= max) return { ...stay(`${why}; there are ${max} workers already`, next), isHeld: true };
    if (atMs - next.pressedSinceMs < pressedForMs || sinceStepMs < upEveryMs) return stay(why, next);
    return { step: 'up', why, memory: { ...unsure, calmForMs: calmAfterUp(memory, atMs) } };
  }
  if (pressure !== undefined)
    return { ...stay(`${pressure}, though workers have free places and time`, unsure), isHeld: true };
  if (workers === min || !isEasyWithOneFewer(load)) return stay('as many as are needed', unsure);

  const next = { ...unsure, calmSinceMs: memory.calmSinceMs ?? atMs };
  if (atMs - next.calmSinceMs < memory.calmForMs || sinceStepMs < downEveryMs)
    return stay('one fewer may do, if it stays so', next);
  return {
    step: 'down',
    why: `one fewer has done for ${Math.round((atMs - next.calmSinceMs) / 1000)} s`,
    memory: { ...unsure, downAtMs: atMs, calmForMs: calmAfterDown(memory, atMs) },
  };
}

function findPressure({ oldestMs, refused, places, taken }: Load): string | undefined {
  if (oldestMs >= lateMs) return `the oldest job has waited ${Math.round(oldestMs)} ms`;
  if (refused > 0) return `${Math.round(refused)} calls were refused`;
  return taken >= places ? `workers have ${taken} calls in hand` : undefined;
}

function findStrain({ places, taken, loopDelayMs, cpuShare }: Load): string | undefined {
  if (taken >= places * busyPlaces) return `${taken} of ${places} places are taken`;
  if (cpuShare >= busyCpu) return `workers use ${Math.round(cpuShare * 100)} % of a core each`;
  return loopDelayMs >= busyLoopMs ? `event loops are ${Math.round(loopDelayMs)} ms late` : undefined;
}

function isEasyWithOneFewer({ oldestMs, refused, workers, places, taken, loopDelayMs, cpuShare }: Load): boolean {
  const rest = (workers - 1) / workers;
  return (
    oldestMs <= promptMs &&
    refused === 0 &&
    loopDelayMs < busyLoopMs &&
    taken <= places * rest * easyPlaces &&
    cpuShare <= rest * easyCpu
  );
}

function calmAfterUp({ calmForMs: known, downAtMs }: Memory, atMs: number): number {
  return downAtMs !== undefined && atMs - downAtMs < regretMs ? Math.min(known * 2, longestCalmMs) : known;
}

/** Once a step down has not been regretted, the next regret begins from the beginning. */
function calmAfterDown({ calmForMs: known, downAtMs }: Memory, atMs: number): number {
  return downAtMs !== undefined && atMs - downAtMs < regretMs + known ? known : calmForMs;
}
