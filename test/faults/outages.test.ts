import { mysqlBlackHoled, mysqlKilled, mysqlReadOnly } from './scenarios/mysql-away.ts';
import { webKilled, workerKilled, workerStopped } from './scenarios/processes.ts';
import { redisBlackHoled, redisFlushed, redisRestarted } from './scenarios/redis-away.ts';
import { redisOutOfMemory } from './scenarios/redis-full.ts';
import { testFaults } from './support/drill-test.ts';

// In one file, since they share one site.
testFaults([
  webKilled,
  workerKilled,
  workerStopped,
  redisBlackHoled,
  redisFlushed,
  redisOutOfMemory,
  redisRestarted,
  mysqlBlackHoled,
  mysqlKilled,
  mysqlReadOnly,
]);
