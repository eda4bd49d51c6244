import { setTimeout as sleep } from 'node:timers/promises';
import { QueryTypes, type Sequelize } from 'sequelize';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { insertEndpoint } from '../../shared/events/endpoint-store.ts';
import { readOldest } from '../../shared/events/event-log.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { countCpu } from '../measure/cpu.ts';
import { findPeak, pace, warmUp } from '../measure/rates.ts';
import { spreadOf } from '../measure/statistics.ts';
import { number } from '../report/tables.ts';
import { counted, loginConnections, loginWarmUps, stopAll } from './login.ts';
import type { Scenario } from './scenario.ts';

const name = 'events';
/** Far from the peak, where the time of a log-in is not that of a queue. */
const shareOfPeak = 0.3;
/** What WeChat takes. */
const wechatMs = 100;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** As long as a worker believes what it has read of the endpoints. */
const noticedMs = 6000;

/** Where the events of a round go. */
const ways = ['none', 'taken', 'away'] as const;
type Way = (typeof ways)[number];

interface Round {
  readonly p50Ms: Readonly<Record<Way, number>>;
  readonly p99Ms: Readonly<Record<Way, number>>;
  /** Of web and worker together, seconds for 1,000 log-ins, the sending of their events included. */
  readonly cpuSecondsPer1000: Readonly<Record<Way, number>>;
}

/** What an endpoint does to the log-ins beside it: one that takes all events, and one that is away. */
export const events: Scenario = async (bench) => {
  const { stack } = bench;
  const shares = [{ source: await bench.dataset.logins(), share: 1 }];
  stack.place('any');
  const sequelize = openDatabase(parseDatabaseUrl(stack.databaseUrl), { poolSize: 2 });
  const wechat = await stack.startWechat(wechatMs, 'any');
  const env = { WECHAT_API_BASE: wechat.url, EVENTS_PRIVATE_TARGETS: '127.0.0.0/8' };
  const worker = await stack.startWorker({ cores: 'any', env });
  const web = await stack.startWeb({ cores: 'any', env });
  const sink = await stack.startPeer('event-sink', { cores: 'any' });
  try {
    for (const [way, url] of [
      ['taken', `${sink.url}/`],
      // Nobody listens there.
      ['away', 'http://127.0.0.1:9/'],
    ] as const)
      await sequelize.transaction((transaction) =>
        insertEndpoint(sequelize, way, { url, secret, isEnabled: false }, transaction),
      );
    const target = { urls: [web.url], shares, cores: 'any', turn: 'last' } as const;
    await warmUp(bench, name, target, { connections: loginConnections, times: loginWarmUps });
    const rate = shareOfPeak * (await findPeak(bench, name, target, loginConnections));
    const processes = [...counted('front end', web), ...counted('worker', worker)];
    const rounds: Round[] = [];
    for (let round = 1; round <= bench.rounds; round++) {
      const seen: Partial<Record<Way, { p50Ms: number; p99Ms: number; cpu: number }>> = {};
      // Each round begins with another one.
      for (const way of ways.map((_, index) => ways[(index + round) % ways.length] as Way)) {
        await choose(sequelize, way);
        const { result, cpuSeconds } = await countCpu(processes, () =>
          pace(bench, `${name}: round ${round}, ${way}`, target, rate),
        );
        const [{ p50Ms, p99Ms } = { p50Ms: Number.NaN, p99Ms: Number.NaN }] = result.sources;
        const spent = Object.values(cpuSeconds).reduce((sum, each) => sum + each, 0);
        seen[way] = { p50Ms, p99Ms, cpu: (spent / result.requests) * 1000 };
        // What is still to be sent must not be sent in the next one's time.
        if (way === 'taken') await untilSent(sequelize);
      }
      const of = (pick: (one: { p50Ms: number; p99Ms: number; cpu: number }) => number) =>
        Object.fromEntries(ways.map((way) => [way, pick(seen[way] as never)])) as Record<Way, number>;
      rounds.push({
        p50Ms: of(({ p50Ms }) => p50Ms),
        p99Ms: of(({ p99Ms }) => p99Ms),
        cpuSecondsPer1000: of(({ cpu }) => cpu),
      });
    }
    const median = (what: keyof Round, way: Way) => spreadOf(rounds.map((round) => round[what][way])).median;
    const figures = (way: Way) => ({
      p50Ms: median('p50Ms', way),
      p99Ms: median('p99Ms', way),
      cpuSecondsPer1000: { all: median('cpuSecondsPer1000', way) },
    });
    const ratioOf = (what: keyof Round, way: Way) =>
      spreadOf(rounds.map((round) => round[what][way] / round[what].none));
    return {
      name,
      unit: 'p50 of a log-in, with an endpoint ÷ without',
      ours: figures('taken'),
      peer: figures('none'),
      ratio: ratioOf('p50Ms', 'taken'),
      rounds,
      voided: 0,
      tables: [
        {
          title: `${name}: log-ins at ${Math.round(rate)}/s, WeChat takes ${wechatMs} ms`,
          columns: ['endpoint', 'p50 ms', 'p99 ms', 'processor s per 1,000', 'p50 ÷ without', 'least', 'greatest'],
          rows: ways.map((way) => {
            const { median: middle, min, max } = ratioOf('p50Ms', way);
            const { p50Ms, p99Ms, cpuSecondsPer1000 } = figures(way);
            return [way, ...[p50Ms, p99Ms, cpuSecondsPer1000.all, middle, min, max].map(number)];
          }),
        },
      ],
      notes: [],
    };
  } finally {
    await stopAll([web, worker, sink, wechat]);
    await sequelize.close();
  }
};

async function choose(sequelize: Sequelize, way: Way): Promise<void> {
  await sequelize.query('update cWaferEndpoint set enabled = (name = :way)', {
    replacements: { way },
    type: QueryTypes.UPDATE,
  });
  // What came in the turn of another is not for this one.
  await sequelize.query(
    'update cWaferEndpointLane set after_id = (select coalesce(max(id), 0) from cWaferEvent) where endpoint = :way',
    { replacements: { way }, type: QueryTypes.UPDATE },
  );
  await sleep(noticedMs);
}

async function untilSent(sequelize: Sequelize): Promise<void> {
  for (;;) {
    await sleep(500);
    const [waiting] = await sequelize.query('select id from cWaferOutbox limit 1', { type: QueryTypes.SELECT });
    if (waiting === undefined && [...(await readOldest(sequelize)).values()].every((age) => age === 0)) return;
  }
}
