import test from 'ava';
import { percentile, spreadOf } from '../../bench/measure/statistics.ts';

test('the median of an even number of values lies between the middle two', (t) => {
  t.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
});

test('the median of an odd number of values is the middle one', (t) => {
  t.is(spreadOf([9, 1, 5]).median, 5);
});

test('a percentile between two values is in proportion', (t) => {
  t.is(percentile([0, 10], 99), 9.9);
});

test('nothing has no median', (t) => {
  t.deepEqual(spreadOf([]), { median: Number.NaN, min: Number.NaN, max: Number.NaN });
});
