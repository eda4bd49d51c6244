import { QueryTypes, type Sequelize } from 'sequelize';
import { toWallClock } from '../../../shared/session/wall-clock.ts';

/**
 * Moves last_visit_time of many sessions forward, in one statement. A row whose time was set back since the session was read keeps
 * what it was set to.
 */
export async function writeVisits(
  sequelize: Sequelize,
  visits: readonly { row: number; time: number; base: number }[],
): Promise<void> {
  if (visits.length === 0) return;
  // Nothing but numbers, so nothing to escape; in the order of the primary key, so that two of these never wait for each other.
  const rows = [...visits]
    .sort((left, right) => left.row - right.row)
    .map(({ row, time, base }) => `select ${row},${time},${base}`);
  const [first, ...rest] = rows as [string, ...string[]];
  const named = first.replace(/(\d+),(\d+),(-?\d+)/, '$1 as id,$2 as visit,$3 as base');
  await sequelize.query(
    `update cSessionInfo s join (${[named, ...rest].join(' union all ')}) v on s.id = v.id
     set s.last_visit_time = greatest(s.last_visit_time, ${wallClock('v.visit')})
     where s.last_visit_time >= ${wallClock('v.base')} and s.last_visit_time < ${wallClock('v.visit')}`,
    { type: QueryTypes.UPDATE },
  );
}

/** SQL for a column of seconds since 1970 as a datetime in UTC+8, whatever the zone of the session. */
function wallClock(column: string): string {
  return `'${toWallClock(0)}' + interval ${column} second`;
}
