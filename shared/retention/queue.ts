import type { Queue } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import { openQueue } from '../redis/open-queue.ts';
import { lastMs, readFinishedRun, readProgress, type FinishedRun, type RetentionProgress } from './progress.ts';

/** Name and prefix of BullMQ's keys; one slot of a cluster. */
export const retentionQueue = 'retention';
export const retentionPrefix = '{wafer:retention}';

/** The one job of each day, when it is night in UTC+8. */
export const dailyRun = { id: 'daily', pattern: '0 0 4 * * *', tz: 'Asia/Shanghai' } as const;

/**
 * Of every run. A run that fails, as while MySQL is away, goes on a little later, in whichever worker; after a day without success the next one
 * begins.
 */
export const runOptions = {
  attempts: 2880,
  backoff: { type: 'fixed', delay: 30_000 },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

const lastRunKey = `${retentionPrefix}:last-run`;

export async function writeLastRun(commands: RedisClient, run: FinishedRun): Promise<void> {
  await commands.set(lastRunKey, JSON.stringify(run));
}

/** The last run that came to its end; undefined if Redis knows of none. */
export async function readLastRun(commands: RedisClient): Promise<FinishedRun | undefined> {
  return readFinishedRun(await commands.get(lastRunKey));
}

export interface RetentionState {
  readonly last: FinishedRun | undefined;
  /** Of the run that is under way, or waits to go on. */
  readonly current: { readonly progress: RetentionProgress | undefined } | undefined;
  /** Milliseconds since 1970 of the next scheduled run; undefined: no worker has scheduled any. */
  readonly nextAt: number | undefined;
}

export async function readRetentionState(commands: RedisClient): Promise<RetentionState> {
  const queue = await openRetentionQueue(commands);
  const [last, [job], schedule] = await Promise.all([
    readLastRun(commands),
    orNothing(queue.getJobs(['active'], 0, 0), []),
    orNothing(queue.getJobScheduler(dailyRun.id), undefined),
  ]);
  const nextAt = schedule?.next;
  return {
    last,
    current: job === undefined ? undefined : { progress: readProgress(job.progress) },
    nextAt: nextAt !== undefined && Math.abs(nextAt) <= lastMs ? nextAt : undefined,
  };
}

/** Whoever writes to Redis can write there what BullMQ can't read: that is none. */
function orNothing<Found>(reading: Promise<Found>, nothing: Found): Promise<Found> {
  return reading.catch((error: unknown) => {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  });
}

export const openRetentionQueue = (commands: RedisClient): Promise<Queue> =>
  openQueue(commands, retentionQueue, retentionPrefix);
