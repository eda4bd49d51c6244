import { testFaults } from './support/drill-test.ts';
import { mysqlBlackHoled, mysqlDeadlocks, mysqlFull, mysqlKilled, mysqlReadOnly } from './scenarios/mysql-away.ts';

testFaults([mysqlBlackHoled, mysqlDeadlocks, mysqlFull, mysqlKilled, mysqlReadOnly]);
