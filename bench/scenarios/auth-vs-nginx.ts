import { readAnswers } from '../load/same-answers.ts';
import { compare } from '../measure/compare.ts';
import { counted, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

/** Remembered checks by Zipf's law against what nginx can send: the same bytes to everybody, without a look at the request. */
export const authVsNginx: Scenario = async (bench) => {
  const { stack, dataset } = bench;
  stack.place('rest');
  const source = await dataset.zipf();
  const worker = await stack.startWorker();
  const web = await stack.startWeb();
  try {
    const [body = ''] = await readAnswers(web.url, source, 1);
    const nginx = await stack.startNginx(body);
    const load = { shares: [{ source, share: 1 }], connections: fullLoadConnections };
    return await compare(bench, {
      name: 'auth.vs-nginx',
      cores: 'rest',
      ours: { ...load, urls: [web.url], processes: counted('front end', web) },
      peer: { ...load, urls: [nginx.url], processes: counted('front end', nginx) },
    });
  } finally {
    await stopAll([web, worker]);
  }
};
