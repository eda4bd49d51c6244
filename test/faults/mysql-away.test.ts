import { testFaults } from './support/drill-test.ts';
import { mysqlBlackHoled, mysqlKilled, mysqlReadOnly } from './scenarios/mysql-away.ts';

testFaults([mysqlBlackHoled, mysqlKilled, mysqlReadOnly]);
