import { compare } from '../measure/compare.ts';
import { compareAuth } from './auth.ts';
import { counted, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

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

/** Forward auth against the check of the protocol, of the same sessions by the same front end. */
export const forwardAuthVsAuth: Scenario = async (bench) => {
  const { stack, dataset } = bench;
  stack.place('rest');
  const worker = await stack.startWorker();
  const web = await stack.startWeb();
  try {
    const side = { urls: [web.url], processes: counted('front end', web), connections: fullLoadConnections };
    return await compare(bench, {
      name: 'forward-auth.vs-auth',
      cores: 'rest',
      ours: { ...side, shares: [{ source: await dataset.zipfForwardAuth(), share: 1 }] },
      peer: { ...side, shares: [{ source: await dataset.zipf(), share: 1 }] },
    });
  } finally {
    await stopAll([web, worker]);
  }
};
