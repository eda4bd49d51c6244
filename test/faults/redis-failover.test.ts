import { clusterMasterKilled, sentinelMasterKilled } from './scenarios/redis-failover.ts';
import { testFaults } from './support/drill-test.ts';

testFaults([clusterMasterKilled, sentinelMasterKilled]);
