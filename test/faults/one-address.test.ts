import { mysqlMoved, redisMoved } from './scenarios/one-address.ts';
import { testFaults } from './support/drill-test.ts';

testFaults([redisMoved, mysqlMoved]);
