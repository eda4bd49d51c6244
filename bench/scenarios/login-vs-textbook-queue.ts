import { compare } from '../measure/compare.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

/** A whole log-in of ours against a BullMQ job that does nothing, awaited with waitUntilFinished; one front end and one worker each. */
export const loginVsTextbookQueue: Scenario = async (bench) => {
  const { stack } = bench;
  const shares = [{ source: await bench.dataset.logins(), share: 1 }];
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const web = await stack.startWeb({ cores: 'any' });
  const peerWorker = await stack.startPeer('textbook-queue-worker', { cores: 'any' });
  const peerWeb = await stack.startPeer('textbook-queue', { cores: 'any' });
  try {
    return await compare(bench, {
      name: 'login.vs-textbook-queue',
      cores: 'any',
      warmUps: loginWarmUps,
      ours: {
        urls: [web.url],
        shares,
        processes: [...counted('front end', web), ...counted('worker', worker)],
        connections: loginConnections,
      },
      peer: {
        urls: [peerWeb.url],
        shares,
        processes: [...counted('front end', peerWeb), ...counted('worker', peerWorker)],
        connections: loginConnections,
      },
    });
  } finally {
    await stopAll([web, worker, peerWeb, peerWorker]);
  }
};
