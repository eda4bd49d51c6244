import { testFaults } from './support/drill-test.ts';
import { redisBlackHoled, redisFlushed, redisRestarted } from './scenarios/redis-away.ts';
import { redisOutOfMemory } from './scenarios/redis-full.ts';

testFaults([redisBlackHoled, redisFlushed, redisOutOfMemory, redisRestarted]);
