import { setTimeout as sleep } from 'node:timers/promises';
import { openRetentionQueue, runOptions } from '../retention/queue.ts';
import { isRetentionOn, type RetentionPart, type RetentionSettings } from '../retention/settings.ts';
import { createRetentionTables, type RetentionTable } from '../retention/tables.ts';
import { createVisitLog } from '../session/visit-log.ts';
import { nowSeconds } from '../session/wall-clock.ts';
import type { Actor } from '../store/audit.ts';
import { AdministrationFailure } from './failure.ts';
import type { OpenRedis, OpenStores } from './stores.ts';

/** @throws {AdministrationFailure} retention_off: nothing is to leave */
export function requireRetention(settings: RetentionSettings): void {
  if (isRetentionOn(settings)) return;
  throw new AdministrationFailure(
    'retention_off',
    'Nothing leaves: neither SESSION_RETENTION_DAYS nor AUDIT_RETENTION_DAYS is set.',
  );
}

/** The same for all who ask meanwhile: one run is enough. */
const askedJobId = 'asked';

/** Has a worker remove now what is over for so long, by its own settings. */
export async function askForRetention({ commands }: Pick<OpenRedis, 'commands'>): Promise<void> {
  const queue = await openRetentionQueue(commands);
  await queue.add('run', {}, { ...runOptions, jobId: askedJobId });
}

/** What would leave of one kind of rows. */
export interface LeavingRows {
  readonly part: RetentionPart;
  readonly rows: number;
  /** Of how many there are. */
  readonly of: number;
  readonly days: number;
}

/** Counts what would leave, and changes nothing. On a large table it takes minutes. */
export async function countLeaving(
  { sequelize, appInfo, commands }: Pick<OpenStores, 'sequelize' | 'appInfo' | 'commands'>,
  settings: RetentionSettings,
  actor: Actor,
): Promise<LeavingRows[]> {
  const days = daysOf(settings);
  const deps = { sequelize, appInfo, visits: createVisitLog(commands), actor, nowSeconds: nowSeconds() };
  const found: LeavingRows[] = [];
  for (const table of createRetentionTables(settings, deps))
    found.push({ part: table.part, ...(await countRows(table)), days: days[table.part] ?? 0 });
  return found;
}

const daysOf = ({
  sessionDays,
  auditDays,
}: RetentionSettings): Readonly<Record<RetentionPart, number | undefined>> => ({
  sessions: sessionDays,
  audit: auditDays,
  dropped: auditDays,
});

async function countRows(table: RetentionTable): Promise<{ rows: number; of: number }> {
  let after = 0;
  let rows = 0;
  let of = 0;
  for (;;) {
    const startedAt = performance.now();
    const window = await table.findWindow(after);
    if (window === undefined) return { rows, of };
    rows += await table.count(after, window.last);
    of += window.rows;
    after = window.last;
    // Others use the same MySQL.
    await sleep(performance.now() - startedAt);
  }
}
