import { testFaults } from './support/drill-test.ts';
import { webKilled, workerKilled, workerStopped } from './scenarios/processes.ts';

testFaults([webKilled, workerKilled, workerStopped]);
