import test from 'ava';
import { runVectors, vectorCount } from './run-vectors.ts';

test('every vector gets the answer of the original, byte for byte', async (t) => {
  t.is(vectorCount, 152);
  await runVectors(t);
});
