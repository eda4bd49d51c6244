import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { countCpu } from '../measure/cpu.ts';
import { pace } from '../measure/rates.ts';
import { measureSide } from '../measure/side.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const name = 'login.front-ends';
const counts = [1, 4, 16] as const;
/** The same for all, and well below what one front end can do. */
const loginsPerSecond = 100;

interface Cost {
  readonly frontEnds: number;
  /** Commands of clients and of scripts together. */
  readonly redisCommandsPerLogin: number;
  /** Of front ends, worker and Redis. */
  readonly cpuMsPerLogin: number;
}

/** What a log-in costs when its front end is one of many; what they do while idle is taken off. */
export const loginFrontEnds: Scenario = async (bench) => {
  const { stack } = bench;
  stack.place('any');
  const worker = await stack.startWorker({ cores: 'any' });
  const rounds: Cost[] = [];
  try {
    // There and back: a machine that becomes slower meanwhile does so for all of them. Before that a front end that is not counted warms up the worker.
    for (const [pass, frontEnds] of [1, ...counts, ...counts.toReversed()].entries()) {
      const webs = [];
      for (let index = 0; index < frontEnds; index++) webs.push(await stack.startWeb({ cores: 'any' }));
      try {
        const urls = webs.map(({ url }) => url);
        const processes = [...counted('front ends', ...webs), ...counted('worker', worker)];
        const redis = stack.shared.filter(({ label }) => label === 'redis');
        bench.progress.step(`${name}: ${frontEnds}: warming up`);
        const shares = [{ source: await bench.dataset.logins(), share: 1 }];
        await measureSide(
          bench,
          { urls, shares, processes, connections: loginConnections },
          // Until each has answered as many as one alone would have: their code is as warm.
          bench.warmUpSeconds * (pass === 0 ? loginWarmUps : frontEnds),
          'any',
        );
        for (let round = 0; pass > 0 && round < bench.rounds / 2; round++)
          rounds.push(await measure(bench, urls, [...processes, ...redis], frontEnds));
      } finally {
        await stopAll(webs);
      }
    }
  } finally {
    await worker.stop();
  }
  const spread = (frontEnds: number, pick: (cost: Cost) => number) =>
    spreadOf(rounds.filter((round) => round.frontEnds === frontEnds).map(pick));
  const commands = (frontEnds: number) => spread(frontEnds, ({ redisCommandsPerLogin }) => redisCommandsPerLogin);
  const cpu = (frontEnds: number) => spread(frontEnds, ({ cpuMsPerLogin }) => cpuMsPerLogin);
  const ratios = rounds
    .filter(({ frontEnds }) => frontEnds === 16)
    .map(({ redisCommandsPerLogin, cpuMsPerLogin }) =>
      // Neither may grow, so the one that grows more counts.
      Math.max(redisCommandsPerLogin / commands(1).median, cpuMsPerLogin / cpu(1).median),
    );
  return {
    name,
    unit: 'cost of a log-in, 16 front ends ÷ 1: Redis commands or processor time, whichever grows more',
    ours: { redisCommandsPerLogin: commands(16).median, cpuMsPerLogin: cpu(16).median },
    peer: { redisCommandsPerLogin: commands(1).median, cpuMsPerLogin: cpu(1).median },
    ratio: spreadOf(ratios),
    rounds,
    voided: 0,
    tables: [
      {
        title: `${name}: cost of a log-in at ${loginsPerSecond}/s`,
        columns: ['front ends', 'Redis commands', 'processor ms (front ends, worker, Redis)', '÷ 1 front end'],
        rows: counts.map((frontEnds) => [
          frontEnds,
          number(commands(frontEnds).median),
          number(cpu(frontEnds).median),
          `${number(commands(frontEnds).median / commands(1).median)} commands, ${number(cpu(frontEnds).median / cpu(1).median)} processor`,
        ]),
      },
    ],
    notes: [],
  };
};

async function measure(
  bench: Bench,
  urls: readonly string[],
  processes: readonly { label: string; pid: number }[],
  frontEnds: number,
): Promise<Cost> {
  const shares = [{ source: await bench.dataset.logins(), share: 1 }];
  const redis = new Redis(bench.stack.redisUrl);
  const observe = async <Value>(work: () => Promise<Value>) => {
    const before = await countCommands(redis);
    const started = performance.now();
    const { result, cpuSeconds } = await countCpu(processes, work);
    return {
      result,
      seconds: (performance.now() - started) / 1000,
      commands: (await countCommands(redis)) - before,
      cpuSeconds: Object.values(cpuSeconds).reduce((sum, spent) => sum + spent, 0),
    };
  };
  try {
    const idle = await observe(() => sleep(bench.roundSeconds * 1000));
    const busy = await observe(() =>
      pace(bench, `${name}: ${frontEnds}`, { urls, shares, cores: 'any', turn: 'last' }, loginsPerSecond),
    );
    const net = (pick: 'commands' | 'cpuSeconds') =>
      (busy[pick] - (idle[pick] / idle.seconds) * busy.seconds) / busy.result.sent;
    return { frontEnds, redisCommandsPerLogin: net('commands'), cpuMsPerLogin: net('cpuSeconds') * 1000 };
  } finally {
    redis.disconnect();
  }
}

async function countCommands(redis: Redis): Promise<number> {
  return Number(/^total_commands_processed:(\d+)/m.exec(await redis.info('stats'))?.[1]);
}
