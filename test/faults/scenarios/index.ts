import type { Fault } from '../support/fault.ts';
import { clocksApart, daylightTimeEnds, yearEnds } from './clocks.ts';
import { reloads, rollingDeploy } from './deploys.ts';
import { eventsKilled } from './events.ts';
import { mysqlBlackHoled, mysqlDeadlocks, mysqlFull, mysqlKilled, mysqlReadOnly } from './mysql-away.ts';
import { mysqlMoved, redisMoved } from './one-address.ts';
import { webKilled, workerKilled, workerStopped } from './processes.ts';
import { redisDiskFull } from './redis-disk-full.ts';
import { clusterMasterKilled, sentinelMasterKilled } from './redis-failover.ts';
import { redisOutOfMemory } from './redis-full.ts';
import { wechatFaults } from './wechat.ts';
import { redisBlackHoled, redisFlushed, redisRestarted } from './redis-away.ts';

/** Every fault of `npm run soak`. */
export const faults: readonly Fault[] = [
  workerKilled,
  workerStopped,
  webKilled,
  eventsKilled,
  redisOutOfMemory,
  redisDiskFull,
  clusterMasterKilled,
  sentinelMasterKilled,
  redisMoved,
  redisRestarted,
  redisFlushed,
  redisBlackHoled,
  mysqlMoved,
  mysqlKilled,
  mysqlBlackHoled,
  mysqlReadOnly,
  mysqlFull,
  mysqlDeadlocks,
  ...wechatFaults,
  clocksApart,
  daylightTimeEnds,
  yearEnds,
  rollingDeploy,
  reloads,
];
