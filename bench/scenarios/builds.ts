import { offTheLane } from '../data/sources.ts';
import { assertSameAnswers } from '../load/same-answers.ts';
import type { RequestSource } from '../load/source.ts';
import { compare } from '../measure/compare.ts';
import type { Side } from '../measure/side.ts';
import type { Bench, OtherBuild } from '../bench.ts';
import type { Cores } from '../stack/cores.ts';
import type { Program } from '../stack/programs.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import { fullLoadConnections, type Scenario } from './scenario.ts';

interface BuildComparison {
  readonly name: string;
  /** Where web runs, and where everything else does. */
  readonly webCores: Cores;
  readonly cores: Cores;
  readonly connections: number;
  readonly warmUps?: number;
  readonly webEnv?: Record<string, string>;
  /** How far away WeChat is; by default it answers at once. */
  readonly wechatMs?: number;
  /** Whether both builds have to answer the first requests with the same bytes. */
  readonly hasSameAnswers: boolean;
  readonly sourceOf: (build: OtherBuild) => Promise<RequestSource>;
}

/** Web and worker of this build against those of another, with the same requests; each build has its own servers. */
async function compareBuilds(bench: Bench, comparison: BuildComparison): ReturnType<Scenario> {
  const { name, webCores, cores, connections, warmUps = 1, hasSameAnswers, sourceOf } = comparison;
  const { webEnv = {}, wechatMs } = comparison;
  const builds = [bench, bench.against as OtherBuild];
  const programs: Program[] = [];
  try {
    const sides: (Side & { source: RequestSource; url: string })[] = [];
    for (const build of builds) {
      const { stack } = build;
      stack.place(cores);
      const source = await sourceOf(build);
      const wechat = wechatMs === undefined ? undefined : await stack.startWechat(wechatMs, cores);
      if (wechat !== undefined) programs.push(wechat);
      const workerEnv: Record<string, string> = wechat === undefined ? {} : { WECHAT_API_BASE: wechat.url };
      const worker = await stack.startWorker({ cores, env: workerEnv });
      const web = await stack.startWeb({ cores: webCores, env: webEnv });
      programs.push(web, worker);
      sides.push({
        source,
        url: web.url,
        urls: [web.url],
        shares: [{ source, share: 1 }],
        processes: [...counted('front end', web), ...counted('worker', worker)],
        servers: stack.shared,
        connections,
      });
    }
    const [ours, peer] = sides as [(typeof sides)[0], (typeof sides)[0]];
    if (hasSameAnswers) await assertSameAnswers(ours.url, ours.source, peer.url, peer.source);
    const result = await compare(bench, { name, cores, warmUps, ours, peer });
    return { ...result, unit: 'rate, this build ÷ the other' };
  } finally {
    await stopAll(programs);
  }
}

/** Checks by Zipf's law, as `auth.zipf` has them. */
export const buildAuthZipf: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.auth-zipf',
    webCores: 'first',
    cores: 'rest',
    connections: fullLoadConnections,
    hasSameAnswers: true,
    sourceOf: ({ dataset }) => dataset.zipf(),
  });

/** Evenly drawn checks that no process remembers, as `auth.cold` has them. */
export const buildAuthCold: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.auth-cold',
    webCores: 'first',
    cores: 'rest',
    connections: fullLoadConnections,
    webEnv: { SESSION_MEMORY: '0' },
    hasSameAnswers: true,
    sourceOf: ({ dataset }) => dataset.even(),
  });

/** Checks that the fast lane hands over, as `auth.off-lane` has them. */
export const buildAuthOffLane: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.auth-off-lane',
    webCores: 'first',
    cores: 'rest',
    connections: fullLoadConnections,
    hasSameAnswers: true,
    sourceOf: async ({ dataset }) => offTheLane(await dataset.zipf()),
  });

/** Forward auth, as `forward-auth.zipf` has it. */
export const buildForwardAuth: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.forward-auth',
    webCores: 'first',
    cores: 'rest',
    connections: fullLoadConnections,
    hasSameAnswers: true,
    sourceOf: ({ dataset }) => dataset.zipfForwardAuth(),
  });

/** Whole log-ins, as `login.vs-textbook-queue` has them. */
export const buildLogin: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.login',
    webCores: 'any',
    cores: 'any',
    connections: loginConnections,
    warmUps: loginWarmUps,
    hasSameAnswers: false,
    sourceOf: ({ dataset }) => dataset.logins(),
  });

/** The same with WeChat as far away as it is, and as many log-ins at once as that takes. */
export const buildLoginWechat100ms: Scenario = (bench) =>
  compareBuilds(bench, {
    name: 'build.login-wechat-100ms',
    webCores: 'any',
    cores: 'any',
    connections: 256,
    warmUps: loginWarmUps,
    wechatMs: 100,
    hasSameAnswers: false,
    sourceOf: ({ dataset }) => dataset.logins(),
  });
