import { QueryTypes, type Sequelize } from 'sequelize';
import { ok, warning, type Finding } from './finding.ts';

const nearlyAll = 0.8;

/** Whether there are connections left. */
export async function checkConnections(sequelize: Sequelize): Promise<Finding> {
  const check = 'database.connections';
  const [[status], [limit]] = await Promise.all([
    sequelize.query<{ Value: string }>("show global status like 'Threads_connected'", { type: QueryTypes.SELECT }),
    sequelize.query<{ most: number | string }>('select @@global.max_connections as most', { type: QueryTypes.SELECT }),
  ]);
  const used = Number(status?.Value ?? 0);
  const most = Number(limit?.most ?? 0);
  const found = `${used} of ${most} connections are used`;
  if (used <= nearlyAll * most) return ok(check, found);
  return warning(
    check,
    found,
    'Raise max_connections, or lower DATABASE_POOL: each web and worker process opens up to that many.',
    'database_many_connections',
  );
}
