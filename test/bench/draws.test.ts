import test from 'ava';
import { createRandom, createZipf, shuffled } from '../../bench/data/draws.ts';

test('by Zipf number k comes 1 / (k + 1) as often as number 0', (t) => {
  const draws = 200_000;
  const count = 1000;
  const draw = createZipf(count, createRandom(7));
  const seen = new Uint32Array(count);
  for (let index = 0; index < draws; index++) seen[draw()]!++;
  const harmonic = Array.from({ length: count }, (_, rank) => 1 / (rank + 1)).reduce((sum, share) => sum + share);
  for (const rank of [0, 1, 9, 99]) {
    const expected = draws / harmonic / (rank + 1);
    t.true(
      Math.abs((seen[rank] as number) - expected) < 5 * Math.sqrt(expected),
      `${rank}: ${seen[rank]}, not ${expected}`,
    );
  }
});

test('shuffled numbers all come once', (t) => {
  const numbers = shuffled(1000, createRandom(8));
  t.deepEqual(
    [...numbers].sort((left, right) => left - right),
    Array.from({ length: 1000 }, (_, index) => index),
  );
  t.notDeepEqual(
    [...numbers],
    [...numbers].sort((left, right) => left - right),
  );
});

test('the same seed gives the same numbers, from 0 up to but not including 1', (t) => {
  const [one, other] = [createRandom(9), createRandom(9)];
  for (let index = 0; index < 1000; index++) {
    const drawn = one();
    t.is(drawn, other());
    t.true(drawn >= 0 && drawn < 1);
  }
});
