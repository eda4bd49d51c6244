import { QueryTypes, type Sequelize } from 'sequelize';
import { soon } from '../../async/patience.ts';
import { countGroups, lookupCount, refusedCalls } from '../../metrics/counts.ts';
import { gaugeOf } from '../../metrics/gauge-of.ts';
import { createFiguresReader } from '../../metrics/read-figures.ts';
import type { RedisClock } from '../../redis/clock.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { countKeyless } from '../../redis/keyless.ts';
import { listInstances } from '../../redis/presence.ts';
import { createQueueReader, type QueueLoad } from '../../rpc/queue-state.ts';
import { createBaseline, type Counted } from './baseline.ts';
import { findDegraded, type DegradedPart } from './degraded.ts';
import { createProcessList, type LiveProcess } from './processes.ts';
import { toStageTimes, type StageTime } from './quantile.ts';
import { perSecond, toAppRates, type AppRates } from './rates.ts';
import { lookAtStores, patienceMs, type StoreState } from './store-states.ts';
import { toWechatResults, type WechatResult } from './wechat-results.ts';

/** How the whole system is at present. */
export interface Now {
  /** ISO 8601, by Redis's clock. */
  readonly at: string;
  /** What is per second, and how long log-ins take, is of so many seconds; null: nobody knows what was before. */
  readonly windowSeconds: number | null;
  readonly total: Omit<AppRates, 'appid'>;
  readonly apps: readonly AppRates[];
  readonly loginTimes: readonly StageTime[];
  /** Session checks per second, by the copy that answered. */
  readonly lookups: { readonly remembered: number; readonly cached: number; readonly confirmed: number };
  readonly wechat: readonly WechatResult[];
  readonly queues: readonly (Omit<QueueLoad, 'oldestWaitingMs'> & { readonly oldestSeconds: number | null })[];
  /** Requests that wait for a worker, of all front ends; refused because they would wait in vain. */
  readonly calls: { readonly waiting: number; readonly refusedPerSecond: number };
  readonly processes: readonly LiveProcess[];
  readonly stores: readonly StoreState[];
  readonly degraded: readonly DegradedPart[];
}

/** What it is read from. None is closed with it. */
export interface NowStores {
  readonly sequelize: Sequelize;
  /** The queue's Redis. */
  readonly commands: RedisClient;
  readonly cacheRedis: RedisClient;
  readonly clock: RedisClock;
  /** How many queues log-ins are spread over. */
  readonly loginQueues: number;
}

/** Looks at everything without disturbing it: what processes publish anyhow, and what the stores say. */
export interface NowReader {
  /** Never fails: what can't be read is missing, and `degraded` says so. Whoever looks again within half a minute gets rates of that time. */
  read(): Promise<Now>;
}

export function createNowReader(stores: NowStores): NowReader {
  const { sequelize, commands, clock, loginQueues } = stores;
  const reader = createFiguresReader(commands, clock);
  const queueReader = createQueueReader(commands, loginQueues);
  const baseline = createBaseline(sequelize);
  const listProcesses = createProcessList();
  /** A store that is away may keep a command for a minute, which nobody who looks here has. */
  const orNothing = <Value>(work: Promise<Value>): Promise<Value | undefined> => soon(work, patienceMs);

  return {
    async read() {
      const [figures, names, keyless, queues, states, apps, sampledAt] = await Promise.all([
        orNothing(reader.read()),
        orNothing(listInstances(commands, clock)),
        orNothing(countKeyless(commands, clock)),
        orNothing(queueReader.read(clock.nowMs())),
        lookAtStores(stores),
        orNothing(countApps(sequelize)),
        orNothing(readSampledAt(sequelize)),
      ]);
      const nowMs = clock.nowMs();
      const counted = figures && (await orNothing(baseline.count(countGroups(figures), nowMs)));
      const processes = names && listProcesses(names, figures ?? [], nowMs);
      const refused = rateOf(counted, refusedCalls);
      const { counts = {}, seconds = 1 } = counted ?? {};
      return {
        at: new Date(nowMs).toISOString(),
        windowSeconds: counted === undefined ? null : Math.round(counted.seconds * 10) / 10,
        ...toAppRates(counts, seconds),
        loginTimes: toStageTimes(counts),
        lookups: {
          remembered: rateOf(counted, lookupCount('remembered')),
          cached: rateOf(counted, lookupCount('cached')),
          confirmed: rateOf(counted, lookupCount('confirmed')),
        },
        wechat: toWechatResults(counts, seconds),
        queues: (queues ?? []).map(({ oldestWaitingMs, ...load }) => ({
          ...load,
          oldestSeconds: oldestWaitingMs === undefined ? null : oldestWaitingMs / 1000,
        })),
        calls: { waiting: gaugeOf(figures ?? [], 'wafer_calls_waiting', 'sum') ?? 0, refusedPerSecond: refused },
        processes: processes ?? [],
        stores: states,
        degraded: findDegraded({
          stores: states,
          processes,
          figures: figures ?? [],
          queues: queues ?? [],
          keyless: keyless ?? 0,
          apps,
          refusedPerSecond: refused,
          sampleAgeMs: sampledAt === undefined ? undefined : nowMs - sampledAt,
        }),
      };
    },
  };
}

function rateOf(counted: Counted | undefined, name: string): number {
  return counted === undefined ? 0 : perSecond(counted.counts[name] ?? 0, counted.seconds);
}

async function countApps(sequelize: Sequelize): Promise<number> {
  const rows = await sequelize.query('select appid from cAppinfo limit 1', { type: QueryTypes.SELECT });
  return rows.length;
}

/** Milliseconds since 1970. @throws if there is no sample, or it can't be read */
async function readSampledAt(sequelize: Sequelize): Promise<number> {
  const [row] = await sequelize.query<{ at: number | string }>('select at from cWaferSampled', {
    type: QueryTypes.SELECT,
  });
  if (row === undefined) throw new Error('there is no sample yet');
  return Number(row.at);
}
