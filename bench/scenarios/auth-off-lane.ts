import { offTheLane } from '../data/sources.ts';
import { compareAuth } from './auth.ts';
import type { Scenario } from './scenario.ts';

/** Checks by Zipf's law that the fast lane hands over, so that Koa answers them, against node:http with one GET. */
export const authOffLane: Scenario = async (bench) => {
  await bench.dataset.peer('plain');
  const source = offTheLane(await bench.dataset.zipf());
  return compareAuth(bench, { name: 'auth.off-lane', source, peer: 'bare', peerSource: source });
};
