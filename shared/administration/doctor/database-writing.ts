import { randomBytes } from 'node:crypto';
import { QueryTypes, type Sequelize } from 'sequelize';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { fromWallClock, toWallClock } from '../../session/wall-clock.ts';
import { explainAnswer } from '../../store/server-answer.ts';
import { findCode, isIncomplete } from './database-fault.ts';
import { fault, ok, warning, type Finding } from './finding.ts';

interface WrittenRow {
  readonly written: string;
  readonly expected: string;
}

const check = 'database.time-zone';

/**
 * Writes a datetime the way sessions are written and reads it back, in a transaction that is rolled back: it must come out as
 * UTC+8, whatever the zone of the server. Shows that rows can be written at all, too.
 */
export async function checkWriting(sequelize: Sequelize, address: DatabaseAddress): Promise<Finding> {
  const name = `doctor-${randomBytes(8).toString('hex')}`;
  const transaction = await sequelize.transaction();
  try {
    const [now] = await sequelize.query<{ now: string }>('select cast(utc_timestamp() as char) as now', {
      type: QueryTypes.SELECT,
      transaction,
    });
    const epochSeconds = Date.parse(`${now?.now.replace(' ', 'T')}Z`) / 1000;
    await sequelize.query("insert into cWaferKey (name, value, created_at) values (:name, '', :time)", {
      replacements: { name, time: toWallClock(epochSeconds) },
      transaction,
    });
    const [row] = await sequelize.query<WrittenRow>(
      'select created_at as written, cast(:now as datetime) + interval 8 hour as expected from cWaferKey where name = :name',
      { replacements: { name, now: now?.now ?? '' }, type: QueryTypes.SELECT, transaction },
    );
    if (row !== undefined && row.written === row.expected && fromWallClock(row.written) === epochSeconds) {
      return ok(check, 'datetimes are kept as UTC+8, as the original does');
    }
    return fault(
      check,
      `a datetime written as UTC+8 reads ${row?.written}, not ${row?.expected}`,
      'Something between here and the database converts datetimes: switch that off in the proxy, driver or trigger.',
      'time_zone_converted',
    );
  } catch (error) {
    if (isIncomplete(error))
      return warning(check, 'not checked: the schema is not complete', 'Repair that first: see database.schema.');
    const limit = explainAnswer((error as { parent?: unknown }).parent, address);
    if (limit?.cause === 'database_user_limit')
      return fault('database.writable', `the database ${limit.found}`, limit.remedy, limit.cause);
    return describeWriteFailure(findCode(error));
  } finally {
    await transaction.rollback().catch(() => undefined);
  }
}

function describeWriteFailure(code: string): Finding {
  if (/^ER_(OPTION_PREVENTS_STATEMENT|CANT_EXECUTE_IN_READ_ONLY_TRANSACTION|READ_ONLY_MODE)/.test(code)) {
    return fault(
      'database.writable',
      `the database only reads (${code}): nobody can log in, sessions are still accepted`,
      'set global read_only = off, if it is the primary; a replica can not be DATABASE_URL, name the primary there.',
      'database_read_only',
    );
  }
  if (/^ER_(RECORD_FILE_FULL|DISK_FULL|ERROR_ON_WRITE)/.test(code))
    return fault(
      'database.writable',
      `the disk of the database is full (${code})`,
      'Make room there: df -h',
      'database_disk',
    );
  return fault(
    'database.writable',
    `the database takes no row (${code})`,
    'Give the user insert, update and delete on this database.',
    'database_refuses_writes',
  );
}
