import { QueryTypes, type Sequelize } from 'sequelize';
import { toWallClock } from '../session/wall-clock.ts';

/**
 * Moves last_visit_time of many sessions forward, in one statement. A row whose time was set back since the session was read keeps
 * what it was set to.
 */
export async function writeVisits(
  sequelize: Sequelize,
  visits: readonly { row: number; time: number; base: number }[],
): Promise<void> {
  const values = [...visits]
    // In the order of the primary key, so that two of these never wait for each other.
    .sort((left, right) => left.row - right.row)
    .map(({ row, time, base }) => [row, toWallClock(time), toWallClock(base)]);
  if (values.length === 0) return;
  const rows = ['select ? as id, cast(? as datetime) as visit_time, cast(? as datetime) as base_time'];
  while (rows.length < values.length) rows.push('select ?, cast(? as datetime), cast(? as datetime)');
  await sequelize.query(
    `update cSessionInfo s join (${rows.join(' union all ')}) v on s.id = v.id
     set s.last_visit_time = greatest(s.last_visit_time, v.visit_time)
     where s.last_visit_time >= v.base_time and s.last_visit_time < v.visit_time`,
    { replacements: values.flat(), type: QueryTypes.UPDATE },
  );
}
