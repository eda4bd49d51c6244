import { QueryTypes, type Sequelize } from 'sequelize';
import { fault, ok, type Finding } from './finding.ts';

const check = 'database.dates';
/** The newest rows by primary key: create_time has no index, and the table may hold tens of millions. */
const sampleSize = 200;
const toleranceSeconds = 300;

/**
 * Whether somebody writes session times in another zone than UTC+8: those of the original come from PHP's date.timezone. A zone
 * that is ahead shows, since nothing can have happened in the future; one that is behind looks like an older session.
 */
export async function checkSessionDates(sequelize: Sequelize): Promise<Finding> {
  const [row] = await sequelize.query<{ ahead: number | string | null }>(
    `select max(timestampdiff(second, utc_timestamp() + interval 8 hour, greatest(create_time, last_visit_time))) as ahead
       from (select create_time, last_visit_time from cSessionInfo order by id desc limit ${sampleSize}) as newest`,
    { type: QueryTypes.SELECT },
  );
  const ahead = Number(row?.ahead ?? 0);
  if (ahead <= toleranceSeconds) return ok(check, 'no session lies in the future');
  return fault(
    check,
    `a session lies ${(ahead / 3600).toFixed(1)} h in the future: its times were not written in UTC+8, or by a wrong clock`,
    'Set date.timezone = PRC in the php.ini of the original, or correct the clock of who writes there; such sessions live that much longer, so end them if that matters: npx wafer session revoke --help',
    'time_zone_wrong',
  );
}
