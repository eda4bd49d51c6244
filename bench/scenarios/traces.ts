import type { RequestSource } from '../load/source.ts';
import { compare } from '../measure/compare.ts';
import type { Bench } from '../bench.ts';
import type { Side } from '../measure/side.ts';
import type { Cores } from '../stack/cores.ts';
import type { Program } from '../stack/programs.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

/** Share of the requests that is traced. */
const ratio = '0.01';

/** Web and worker that trace one request in a hundred, and send that to a receiver, in turn with a web and a worker that trace nothing. */
async function compareTraced(
  bench: Bench,
  options: {
    readonly name: string;
    readonly source: RequestSource;
    readonly webCores: Cores;
    readonly cores: Cores;
    readonly connections: number;
    readonly warmUps: number;
  },
): ReturnType<Scenario> {
  const { stack } = bench;
  const { name, source, webCores, cores, connections, warmUps } = options;
  stack.place(cores);
  const programs: Program[] = [];
  /** @param queues number of the database in Redis: each side has queues of its own, or its workers would do the other's log-ins */
  const open = async (queues: number, more: Record<string, string>): Promise<Side> => {
    const env = { REDIS_URL: `${stack.redisUrl}/${queues}`, REDIS_CACHE_URL: stack.redisUrl, ...more };
    // First: without a worker no front end is ready.
    const worker = await stack.startWorker({ cores, env });
    const web = await stack.startWeb({ cores: webCores, env });
    programs.push(web, worker);
    const processes = [...counted('front end', web), ...counted('worker', worker)];
    return { urls: [web.url], shares: [{ source, share: 1 }], processes, connections };
  };
  try {
    const receiver = await stack.startPeer('event-sink', { cores });
    programs.push(receiver);
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER_ARG: ratio };
    const [ours, peer] = [await open(1, traced), await open(2, {})];
    const result = await compare(bench, { name, cores, warmUps, ours, peer });
    const { median, min, max } = result.ratio;
    return {
      ...result,
      unit: 'time of a request, one in a hundred traced ÷ none',
      ratio: { median: 1 / median, min: 1 / max, max: 1 / min },
    };
  } finally {
    await stopAll(programs);
  }
}

/** Checks by Zipf's law, as `auth.zipf` has them. */
export const tracesCheck: Scenario = async (bench) =>
  compareTraced(bench, {
    name: 'traces.check',
    source: await bench.dataset.zipf(),
    webCores: 'first',
    cores: 'rest',
    connections: fullLoadConnections,
    warmUps: 1,
  });

/** Whole log-ins, as `login.vs-textbook-queue` has them. */
export const tracesLogin: Scenario = async (bench) =>
  compareTraced(bench, {
    name: 'traces.login',
    source: await bench.dataset.logins(),
    webCores: 'any',
    cores: 'any',
    connections: loginConnections,
    warmUps: loginWarmUps,
  });
