import { clocksApart, daylightTimeEnds, yearEnds } from './scenarios/clocks.ts';
import { testFaults } from './support/drill-test.ts';

testFaults([clocksApart, daylightTimeEnds, yearEnds]);
