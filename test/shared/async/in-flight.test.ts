import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { createInFlight } from '../../../shared/async/in-flight.ts';

test('a value is there until it is taken, once', (t) => {
  const inFlight = createInFlight<string, number>();
  inFlight.add('one', 1);
  inFlight.add('two', 2);
  t.is(inFlight.get('one'), 1);
  t.is(inFlight.size(), 2);
  t.is(inFlight.take('one'), 1);
  t.is(inFlight.take('one'), undefined);
  t.is(inFlight.get('one'), undefined);
  t.deepEqual([...inFlight.keys()], ['two']);
  t.is(inFlight.size(), 1);
});

test('next to nothing of what was taken gets to where only a full collection frees it', (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  const oldBytes = () =>
    getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? Number.NaN;
  const valueBytes = 800;
  const values = 20_000;
  const inFlight = createInFlight<number, unknown[]>();
  const churn = (from: number, to: number) => {
    for (let key = from; key < to; key++) {
      inFlight.add(
        key,
        Array.from({ length: valueBytes / 8 }, () => key),
      );
      inFlight.take(key - 40);
    }
  };
  churn(0, 40);
  // In a quiet time what is in flight now gets to where only a full collection frees it.
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  let promoted = 0;
  for (let key = 40; key < values; key += 100) {
    const before = oldBytes();
    churn(key, key + 100);
    collect({ type: 'minor' });
    // Less if all of it was collected meanwhile.
    promoted += Math.max(oldBytes() - before, 0);
  }
  t.true(promoted < (values * valueBytes) / 5, `${promoted} bytes of ${values * valueBytes}`);
});
