import { z } from 'zod';
import { retentionParts, type RetentionPart } from './settings.ts';

/** How far a run has come: what another worker goes on from. */
export interface RetentionProgress {
  /** Seconds since 1970 at the start; rows are as old as they were then. */
  readonly nowSeconds: number;
  /** Milliseconds since 1970 by Redis's clock. */
  readonly startedAt: number;
  readonly part: RetentionPart;
  /** Primary key of the last row of the part that was looked at. */
  readonly after: number;
  readonly removed: RemovedRows;
}

/** How many rows left, of each part. */
export type RemovedRows = Readonly<Partial<Record<RetentionPart, number>>>;

/** A run that came to its end. */
export interface FinishedRun {
  /** Milliseconds since 1970 by Redis's clock. */
  readonly endedAt: number;
  /** From the first start on, the time between one worker's death and the next one's start included. */
  readonly tookMs: number;
  readonly removed: RemovedRows;
}

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** The last that a Date holds. */
export const lastMs = 8.64e15;
const timeMs = count.max(lastMs);
const removed = z.partialRecord(z.enum(retentionParts), count);
const progressSchema = z.object({
  nowSeconds: count,
  startedAt: timeMs,
  part: z.enum(retentionParts),
  after: count,
  removed,
});
const finishedSchema = z.object({ endedAt: timeMs, tookMs: count, removed });

/** As it lies in Redis, where others may write: what is no progress means none. */
export function readProgress(value: unknown): RetentionProgress | undefined {
  return progressSchema.safeParse(value).data;
}

export function readFinishedRun(text: string | null): FinishedRun | undefined {
  try {
    return text === null ? undefined : finishedSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
