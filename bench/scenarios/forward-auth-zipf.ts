import { compareAuth } from './auth.ts';
import type { Scenario } from './scenario.ts';

/** Forward auth of sessions by Zipf's law, against the same checks of node:http with one GET. */
export const forwardAuthZipf: Scenario = async (bench) => {
  await bench.dataset.peer('plain');
  return compareAuth(bench, {
    name: 'forward-auth.zipf',
    source: await bench.dataset.zipfForwardAuth(),
    peer: 'bare',
    peerSource: await bench.dataset.zipf(),
    hasSameAnswers: false,
  });
};
