import { childrenOf } from '../measure/cpu.ts';
import { compare } from '../measure/compare.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

/** Ours with one front end and one worker against two processes whose handler does the whole log-in itself. */
export const loginVsInline: Scenario = async (bench) => {
  const { stack } = bench;
  const shares = [{ source: await bench.dataset.logins(), share: 1 }];
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const web = await stack.startWeb({ cores: 'any' });
  const inline = await stack.startPeer('login-inline', { cores: 'any' });
  const handlers = childrenOf(inline.pid).map((pid) => ({ pid }));
  try {
    return await compare(bench, {
      name: 'login.vs-inline',
      cores: 'any',
      warmUps: loginWarmUps,
      ours: {
        urls: [web.url],
        shares,
        processes: [...counted('front end', web), ...counted('worker', worker)],
        connections: loginConnections,
      },
      peer: {
        urls: [inline.url],
        shares,
        processes: counted('front end', inline, ...handlers),
        connections: loginConnections,
      },
    });
  } finally {
    await stopAll([web, worker, inline]);
  }
};
