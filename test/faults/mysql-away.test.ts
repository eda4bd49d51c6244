import { testFaults } from './support/drill-test.ts';
import { mysqlBlackHoled, mysqlFull, mysqlKilled, mysqlReadOnly } from './scenarios/mysql-away.ts';

testFaults([mysqlBlackHoled, mysqlFull, mysqlKilled, mysqlReadOnly]);
