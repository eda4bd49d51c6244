import { randomBytes } from 'node:crypto';
import { BaseError, QueryTypes, type Sequelize } from 'sequelize';
import type { DatabaseAddress } from '../../../shared/config/database-url.ts';
import { fromWallClock, toWallClock } from '../../../shared/session/wall-clock.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { describeDatabaseFailure } from '../database-failure.ts';
import { clockToleranceSeconds, describeDrift, fault, ok, warning, type Finding } from './finding.ts';
import { checkSchema } from './schema.ts';

/** Reachability, schema, time zone and clock of the database. */
export async function checkDatabase(address: DatabaseAddress): Promise<Finding[]> {
  const place = `${address.host}:${address.port}/${address.database}`;
  const sequelize = openDatabase(address, { poolSize: 2 });
  try {
    const drift = await checkClock(sequelize);
    return [
      ok('database.reachable', `${place} answers`),
      drift,
      ...(await checkSchema(sequelize, address)),
      await checkTimeZone(sequelize),
    ];
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const failure = describeDatabaseFailure(error, address);
    const remedy = failure.code === 'database_missing' ? 'npm run migrate' : remedyOf(address);
    return [fault('database.reachable', failure.message, remedy)];
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

function remedyOf({ host, port, username, database }: DatabaseAddress): string {
  return `Start it, or correct DATABASE_URL. Try: mysql -h ${host} -P ${port} -u ${username} -p ${database}`;
}

async function checkClock(sequelize: Sequelize): Promise<Finding> {
  const sentAtMs = Date.now();
  const [row] = await sequelize.query<{ now: string }>('select cast(utc_timestamp(3) as char) as now', {
    type: QueryTypes.SELECT,
  });
  const ourMs = (sentAtMs + Date.now()) / 2;
  const driftSeconds = (Date.parse(`${row?.now.replace(' ', 'T')}Z`) - ourMs) / 1000;
  const found = `the clock of the database is ${describeDrift(driftSeconds)}`;
  return Math.abs(driftSeconds) <= clockToleranceSeconds
    ? ok('database.clock', found)
    : warning('database.clock', found, 'Let both machines set their clocks by NTP: timedatectl set-ntp true');
}

interface WrittenRow {
  readonly written: string;
  readonly expected: string;
}

/**
 * Writes a datetime the way sessions are written and reads it back, in a transaction that is rolled back: it must come out as
 * UTC+8, whatever the zone of the server. Shows that rows can be written at all, too.
 */
async function checkTimeZone(sequelize: Sequelize): Promise<Finding> {
  const check = 'database.time-zone';
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
      'Something between here and the database converts datetimes: switch that off in the proxy or driver.',
    );
  } catch (error) {
    const code = (error as { parent?: { code?: string } }).parent?.code ?? (error as Error).name;
    return code === 'ER_NO_SUCH_TABLE'
      ? warning(check, 'not checked: the schema is not complete', 'npm run migrate')
      : fault(
          'database.writable',
          `the database takes no row (${code})`,
          'Give the user insert, update and delete on this database; a replica that is read-only can not be DATABASE_URL.',
        );
  } finally {
    await transaction.rollback().catch(() => undefined);
  }
}
