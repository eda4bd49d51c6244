import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { countGroups } from '../../../shared/metrics/counts.ts';
import type { GroupFigures } from '../../../shared/metrics/read-figures.ts';
import { parseSampled, type Sampled } from '../../../shared/samples/sampled.ts';
import { toRows, wholeSystem } from '../../../shared/samples/sample-row.ts';
import { toSystemSample, type SystemSample } from '../../../shared/samples/system-sample.ts';
import { toWallClock } from '../../../shared/session/wall-clock.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import { countSince } from './count-since.ts';

export const minuteMs = 60_000;
/** A sample that is further ahead than this is by a clock that was wrong. */
const aheadMs = 2 * minuteMs;
/** As many seconds as the column holds: half a year. */
const maxSeconds = 16_777_215;

/**
 * Writes what was counted since the last sample, in one transaction with how far the counters have come: whoever dies in between leaves the
 * minute to the next, and of two who try only one writes it.
 * @param nowMs Redis's time, from shortly after a minute has ended
 * @returns false if that minute has its sample
 */
export function takeSample(
  sequelize: Sequelize,
  figures: readonly GroupFigures[],
  system: Omit<SystemSample, 'stages' | 'counts'>,
  nowMs: number,
): Promise<boolean> {
  const endsAt = Math.floor(nowMs / minuteMs) * minuteMs;
  return inTransaction(sequelize, async (transaction) => {
    const last = await readLocked(sequelize, transaction);
    const before = last.at > nowMs + aheadMs ? undefined : last.sampled;
    if (before !== undefined && last.at >= endsAt) return false;
    const { counts, sampled } = countSince(before, countGroups(figures), nowMs);
    if (before !== undefined) {
      const seconds = Math.min(Math.max(Math.round((nowMs - last.at) / 1000), 1), maxSeconds);
      const at = toWallClock((endsAt - minuteMs) / 1000);
      const rows = toRows(counts).map(({ appid, logins, checks }) => [
        appid,
        at,
        seconds,
        logins.ok,
        logins.refused,
        logins.failed,
        checks.ok,
        checks.refused,
        checks.failed,
        appid === wholeSystem ? JSON.stringify({ ...system, ...toSystemSample(counts) }) : null,
      ]);
      // There is none yet, unless a clock was set back.
      await sequelize.query(
        `insert ignore into cWaferSample (appid, at, seconds, logins_ok, logins_refused, logins_failed,
           checks_ok, checks_refused, checks_failed, more) values :rows`,
        { replacements: { rows }, type: QueryTypes.INSERT, transaction },
      );
    }
    await sequelize.query('update cWaferSampled set at = :at, counted = :counted where name = :name', {
      replacements: { at: nowMs, counted: JSON.stringify(sampled), name: theOne },
      type: QueryTypes.UPDATE,
      transaction,
    });
    return true;
  });
}

const theOne = 'last';

async function readLocked(
  sequelize: Sequelize,
  transaction: Transaction,
): Promise<{ readonly at: number; readonly sampled: Sampled | undefined }> {
  const read = async () => {
    const [row] = await sequelize.query<{ at: number | string; counted: string }>(
      'select at, counted from cWaferSampled where name = :name for update',
      { replacements: { name: theOne }, type: QueryTypes.SELECT, transaction },
    );
    return row;
  };
  const found = await read();
  if (found !== undefined) return { at: Number(found.at), sampled: parseSampled(found.counted) };
  await sequelize.query(`insert ignore into cWaferSampled (name, at, counted) values (:name, 0, '')`, {
    replacements: { name: theOne },
    type: QueryTypes.INSERT,
    transaction,
  });
  const made = await read();
  return { at: Number(made?.at ?? 0), sampled: parseSampled(made?.counted ?? '') };
}

/** In one go at most. An hour's rows of all apps are a tenth of that. */
const rowsPerStatement = 5000;
const statementsPerApp = 20;

/** Removes samples that are older than this. What is left over then leaves in an hour. */
export async function removeOldSamples(sequelize: Sequelize, beforeSeconds: number): Promise<void> {
  const apps = await sequelize.query<{ appid: string }>('select distinct appid from cWaferSample', {
    type: QueryTypes.SELECT,
  });
  for (const { appid } of apps)
    for (let statement = 0; statement < statementsPerApp; statement++) {
      const removed = await sequelize.query(
        `delete from cWaferSample where appid = :appid and at < :before order by at limit ${rowsPerStatement}`,
        { replacements: { appid, before: toWallClock(beforeSeconds) }, type: QueryTypes.BULKDELETE },
      );
      if (removed < rowsPerStatement) break;
    }
}
