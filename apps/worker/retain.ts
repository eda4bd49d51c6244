import { setTimeout as sleep } from 'node:timers/promises';
import type { RemovedRows, RetentionProgress } from '../../shared/retention/progress.ts';
import { retentionParts, type RetentionPart } from '../../shared/retention/settings.ts';
import type { RetentionTable } from '../../shared/retention/tables.ts';

/** What a run may rely on of the worker that it runs in. */
export interface RunHolder {
  /** Before rows leave. @throws if the run is another worker's by now */
  hold(): Promise<void>;
  /** After rows have left. */
  save(progress: RetentionProgress): Promise<void>;
  onRemoved(part: RetentionPart, rows: number): void;
  /** Aborted when the worker stops: the run ends at the next window, with an AbortError. */
  readonly signal: AbortSignal;
}

/**
 * At leisure: others use the same MySQL. The pause after each window is so many times what it took, but not so long that a busy server keeps
 * the run below 150,000 rows a minute; and half of what it took in any case.
 */
const pausePerWindow = { most: 3, least: 0.5 };
const leastRowsPerMs = 2.5;
/** For windows from which little leaves. */
const scanMs = 20;

function pauseAfter(tookMs: number, rows: number): number {
  const spareMs = scanMs + rows / leastRowsPerMs - tookMs;
  return Math.max(tookMs * pausePerWindow.least, Math.min(tookMs * pausePerWindow.most, spareMs));
}

/**
 * Removes rows, table by table, window by window. What a window has done is saved after it: who dies in between leaves at most one window
 * that is looked at again.
 * @returns how many rows left, as far as it was saved
 */
export async function retain(
  tables: readonly RetentionTable[],
  from: RetentionProgress,
  { hold, save, onRemoved, signal }: RunHolder,
): Promise<RemovedRows> {
  let { removed } = from;
  for (const part of retentionParts.slice(retentionParts.indexOf(from.part))) {
    const table = tables.find((each) => each.part === part);
    if (table === undefined) continue;
    let after = part === from.part ? from.after : 0;
    for (;;) {
      const startedAt = performance.now();
      await hold();
      const window = await table.findWindow(after);
      if (window === undefined) break;
      const rows = await table.remove(after, window.last, (removed[part] ?? 0) === 0);
      if (rows > 0) onRemoved(part, rows);
      removed = { ...removed, [part]: (removed[part] ?? 0) + rows };
      after = window.last;
      await save({ ...from, part, after, removed });
      await sleep(pauseAfter(performance.now() - startedAt, rows), undefined, { signal });
    }
  }
  return removed;
}
