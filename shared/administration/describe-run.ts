import type { FinishedRun, RemovedRows } from '../retention/progress.ts';
import { retentionParts, type RetentionPart } from '../retention/settings.ts';
import { toWallClock } from '../session/wall-clock.ts';
import { plural } from './words.ts';

const nouns: Readonly<Record<RetentionPart, readonly [one: string, many: string]>> = {
  sessions: ['session', 'sessions'],
  audit: ['audit entry', 'audit entries'],
  dropped: ['dropped row', 'dropped rows'],
};

export function describeFinishedRun({ endedAt, tookMs, removed }: FinishedRun): string {
  return `last run ended ${describeTime(endedAt)}, took ${Math.round(tookMs / 1000)} s, removed ${describeRemoved(removed)}`;
}

export function describeRemoved(removed: RemovedRows): string {
  const parts = retentionParts.flatMap((part) => {
    const rows = removed[part] ?? 0;
    return rows === 0 ? [] : [plural(rows, ...nouns[part])];
  });
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** @param ms since 1970 */
export function describeTime(ms: number): string {
  return `${toWallClock(Math.floor(ms / 1000))} (UTC+8)`;
}
