import { reloads, rollingDeploy } from './scenarios/deploys.ts';
import { testFaults } from './support/drill-test.ts';

testFaults([reloads, rollingDeploy]);
