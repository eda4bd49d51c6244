import { mysqlMoved, redisMoved } from '../faults/scenarios/one-address.ts';
import { testFaults } from '../faults/support/drill-test.ts';

testFaults([redisMoved, mysqlMoved]);
