import test from 'ava';
import { parseArguments } from '../../bench/arguments.ts';
import { buildScenarioNames, scenarioNames } from '../../bench/scenarios/names.ts';

const namesFor = (...argv: string[]) => {
  const parsed = parseArguments(argv);
  return parsed === 'help' ? [] : parsed.only;
};

test('the bench compares with the peers, or with another build if one is given', (t) => {
  t.deepEqual(namesFor(), scenarioNames);
  t.deepEqual(namesFor('--against', '/elsewhere'), buildScenarioNames);
  t.deepEqual(namesFor('--against', '/elsewhere', '--only', 'build.login,auth.zipf'), ['auth.zipf', 'build.login']);
});

test('the bench refuses a comparison of builds that lacks the other build', (t) => {
  t.throws(() => namesFor('--only', 'build'), { message: /--against DIR/ });
});
