import test from 'ava';
import { ways } from '../support/ways.ts';
import { runVectors, vectorCount } from './run-vectors.ts';

for (const { how, env } of ways) {
  test(`every vector gets the answer of the original, byte for byte, ${how}`, async (t) => {
    t.is(vectorCount, 152);
    await runVectors(t, env);
  });
}
