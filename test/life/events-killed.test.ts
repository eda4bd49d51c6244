import { eventsKilled } from '../faults/scenarios/events.ts';
import { testFaults } from '../faults/support/drill-test.ts';

testFaults([eventsKilled]);
