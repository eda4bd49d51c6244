import { compareAuth } from './auth.ts';
import type { Scenario } from './scenario.ts';

/** Sessions as real users come, by Zipf's law, against node:http with one GET. */
export const authZipf: Scenario = async (bench) => {
  await bench.dataset.peer('plain');
  const source = await bench.dataset.zipf();
  return compareAuth(bench, { name: 'auth.zipf', source, peer: 'bare', peerSource: source });
};
