import { testFaults } from './support/drill-test.ts';
import { redisDiskFull } from './scenarios/redis-disk-full.ts';

testFaults([redisDiskFull]);
