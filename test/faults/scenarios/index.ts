import type { Fault } from '../support/fault.ts';
import { mysqlBlackHoled, mysqlDeadlocks, mysqlFull, mysqlKilled, mysqlReadOnly } from './mysql-away.ts';
import { redisBlackHoled, redisFlushed, redisRestarted } from './redis-away.ts';

/** Every fault of `npm run soak`. */
export const faults: readonly Fault[] = [
  redisRestarted,
  redisFlushed,
  redisBlackHoled,
  mysqlKilled,
  mysqlBlackHoled,
  mysqlReadOnly,
  mysqlFull,
  mysqlDeadlocks,
];
