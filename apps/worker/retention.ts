import { hostname } from 'node:os';
import { WaitingError, Worker, type Job, type Queue } from 'bullmq';
import { QueryTypes, type Sequelize } from 'sequelize';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import { createOutageWarning, describeError, type Log } from '../../shared/log/log.ts';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { readProgress } from '../../shared/retention/progress.ts';
import {
  dailyRun,
  openRetentionQueue,
  readLastRun,
  retentionPrefix,
  retentionQueue,
  runOptions,
  writeLastRun,
} from '../../shared/retention/queue.ts';
import { isRetentionOn, retentionParts, type RetentionSettings } from '../../shared/retention/settings.ts';
import { createRetentionTables } from '../../shared/retention/tables.ts';
import type { VisitLog } from '../../shared/session/visit-log.ts';
import { recordAudit, type Actor } from '../../shared/store/audit.ts';
import type { AppInfo } from '../../shared/store/models.ts';
import type { Stores } from '../../shared/system/stores.ts';
import { retain } from './retain.ts';
import type { WorkerMetrics } from './metrics.ts';
import { lockDurationMs, maxStalledCount, stalledIntervalMs } from './rpc/server.ts';

/** In a worker of a system with retention: takes part in it. In one without: ends what was scheduled before. */
export function openRetention(
  settings: RetentionSettings,
  deps: Pick<RetentionDeps, 'appInfo' | 'visits' | 'metrics' | 'log'> & {
    readonly stores: Stores;
    readonly closer: Closer;
  },
): void {
  const { stores, closer, ...others } = deps;
  if (!isRetentionOn(settings)) {
    unscheduleRuns(stores.commands).catch(() => undefined);
    return;
  }
  const blocking = stores.connectBlocking();
  closer.add('retention redis', () => blocking.disconnect());
  const retention = startRetention({ settings, blocking, ...stores, ...others });
  closer.add('retention', () => retention.close());
}

/** Takes its turn at the runs of the retention: one at a time in the whole system. */
interface Retention {
  /** Hands a run that is under way to another worker. */
  close(): Promise<void>;
}

/** So soon after Redis has lost it the schedule is there again. */
const scheduleIntervalMs = 60_000;
const jobName = 'run';

interface RetentionDeps {
  readonly settings: RetentionSettings;
  readonly sequelize: Sequelize;
  readonly appInfo: AppInfo;
  readonly visits: VisitLog;
  readonly commands: RedisClient;
  /** Of its own, to wait for runs; closed by its owner. */
  readonly blocking: RedisClient;
  readonly clock: RedisClock;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
}

/**
 * A run is a job of BullMQ's scheduler on a queue of its own, of which one may be active, however many workers there are. If its worker dies, another
 * goes on from what it saved. Nobody else needs to be told of what leaves: what is cached or remembered of these sessions is refused by
 * its times.
 */
function startRetention(deps: RetentionDeps): Retention {
  const { settings, sequelize, appInfo, visits, commands, blocking, clock, metrics, log } = deps;
  const stopping = new AbortController();
  const queue = openRetentionQueue(commands);
  const actor: Actor = { osUser: 'worker', host: hostname() };

  const run = async (job: Job, token = ''): Promise<void> => {
    const saved = readProgress(job.progress);
    const now = await readEarliestTime(sequelize, clock);
    const from = {
      startedAt: Math.floor(clock.nowMs()),
      part: retentionParts[0],
      after: 0,
      removed: {},
      ...saved,
      // Whoever writes into Redis makes no row older.
      nowSeconds: Math.min(saved?.nowSeconds ?? now, now),
    };
    if (saved === undefined) log.debug('retention begins');
    else log.info({ part: saved.part, after: saved.after }, 'retention goes on');
    const tables = createRetentionTables(settings, { sequelize, appInfo, visits, actor, nowSeconds: from.nowSeconds });
    const removed = await retain(tables, from, {
      signal: stopping.signal,
      async hold() {
        if ((await job.extendLock(token, lockDurationMs)) !== 1) throw new Error('another worker has the run by now');
      },
      save: (progress) => job.updateProgress(progress),
      onRemoved: metrics.removedRows,
    });
    if (Object.values(removed).some((rows) => rows > 0))
      await recordAudit(sequelize, { actor, action: 'retention', details: removed });
    const endedAt = Math.floor(clock.nowMs());
    const finished = { endedAt, tookMs: Math.max(endedAt - from.startedAt, 0), removed };
    await writeLastRun(commands, finished);
    metrics.ranRetention(finished);
    log.info({ tookMs: finished.tookMs, ...removed }, 'retention');
  };

  const process = async (job: Job, token?: string): Promise<void> => {
    try {
      await run(job, token);
    } catch (error) {
      if (stopping.signal.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      log.warn({ err: describeError(error) }, 'retention goes on later');
      throw error;
    }
  };

  const worker = new Worker(retentionQueue, process, {
    autorun: false,
    connection: blocking,
    prefix: retentionPrefix,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    skipVersionCheck: true,
  });
  const onError = (error: Error) => log.debug({ err: describeError(error) }, 'queue connection');
  worker.on('error', onError);

  const schedule = async (): Promise<void> => {
    await scheduleRuns(await queue);
    if (!worker.isRunning() && !stopping.signal.aborted) worker.run().catch(onError);
    const last = await readLastRun(commands);
    if (last !== undefined) metrics.ranRetention(last);
  };
  const warn = createOutageWarning(log, 'retention not scheduled yet');
  const keepScheduled = () => void schedule().catch(warn);
  keepScheduled();
  const timer = setInterval(keepScheduled, scheduleIntervalMs);
  return {
    async close() {
      clearInterval(timer);
      stopping.abort();
      // While Redis is away nothing can be handed over: another worker finds the run.
      await worker.close(blocking.status !== 'ready');
    },
  };
}

/** Of workers without retention: what was scheduled with it is not wanted any more. */
async function unscheduleRuns(commands: RedisClient): Promise<void> {
  const queue = await openRetentionQueue(commands);
  await queue.removeJobScheduler(dailyRun.id);
}

async function scheduleRuns(queue: Queue): Promise<void> {
  await queue.setGlobalConcurrency(1);
  const known = await queue.getJobScheduler(dailyRun.id);
  const { id, pattern, tz } = dailyRun;
  // Scheduled again, one that is due would be put off until the next day.
  if (known?.pattern === pattern && known.tz === tz) return;
  await queue.upsertJobScheduler(id, { pattern, tz }, { name: jobName, opts: runOptions });
}

/** Seconds since 1970. By a clock that is ahead rows would leave too early, so the one that is most behind counts. */
async function readEarliestTime(sequelize: Sequelize, clock: RedisClock): Promise<number> {
  await clock.sync();
  const [row] = await sequelize.query<{ now: number }>('select unix_timestamp() as now', { type: QueryTypes.SELECT });
  return Math.floor(Math.min(Number(row?.now), clock.nowMs() / 1000, Date.now() / 1000));
}
