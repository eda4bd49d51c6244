import test from 'ava';
import { createCloser } from '../../../shared/lifecycle/closer.ts';
import { createLog } from '../../../shared/log/log.ts';

function createNoted() {
  const closer = createCloser(createLog('test', 'silent'));
  const closed: string[] = [];
  for (const name of ['first', 'second']) closer.add(name, () => closed.push(name));
  return { closer, closed };
}

test('what can not be opened closes what was, the last first, and throws the same', async (t) => {
  const { closer, closed } = createNoted();
  const failure = new Error('the port is taken');
  t.is(await t.throwsAsync(closer.orClose(Promise.reject(failure))), failure);
  t.deepEqual(closed, ['second', 'first']);
  await closer.close();
  t.is(closed.length, 2);
});

test('what can be opened closes nothing', async (t) => {
  const { closer, closed } = createNoted();
  t.is(await closer.orClose(Promise.resolve('opened')), 'opened');
  t.deepEqual(closed, []);
});
