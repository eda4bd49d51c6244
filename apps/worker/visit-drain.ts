import { setTimeout as sleep } from 'node:timers/promises';
import type { Sequelize } from 'sequelize';
import { createOutageWarning, type Log } from '../../shared/log/log.ts';
import { visitShards, type VisitLog } from '../../shared/session/visit-log.ts';
import { writeVisits } from './store/visit-writer.ts';
import type { WorkerMetrics } from './metrics.ts';

/** Brings collected visits to MySQL, many sessions in one statement. */
export interface VisitDrain {
  close(): Promise<void>;
}

/** How often each shard is looked at. The shards take turns: all at once would be a burst of work each second, and checks and log-ins wait for it. */
const tickMs = 1000;
/** At leisure: a batch takes a few milliseconds of MySQL's time, and the pause after it is so many times what it took, up to a limit. */
const leisurely = { batchSize: 200, pausePerBatch: 3, maxPauseMs: 50 };
/** With more waiting than these the rest goes without pauses, and in larger batches, which cost less for each visit. */
const leisurelyBatches = 5;
const hurriedBatchSize = 500;
/** A claim on a shard lasts until just before the next tick; what is not done by then is left to it. */
const claimMs = 950;
const drainMs = 800;

/**
 * Every second one worker per shard takes the visits that have waited long enough. A visit leaves the log only after it is in
 * MySQL, so none is lost when a worker or MySQL dies in between; written twice it changes nothing.
 */
export function startVisitDrain(deps: {
  readonly visits: VisitLog;
  readonly sequelize: Sequelize;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
}): VisitDrain {
  const { visits, sequelize, log, metrics } = deps;
  const running = new Map<number, Promise<void>>();
  let nextShard = 0;
  let closed = false;

  const drainShard = async (shard: number): Promise<void> => {
    if (!(await visits.claimShard(shard, claimMs))) return;
    const stopAt = performance.now() + drainMs;
    for (let batch = 1; performance.now() < stopAt && !closed; batch++) {
      const isLeisurely = batch <= leisurelyBatches;
      const batchSize = isLeisurely ? leisurely.batchSize : hurriedBatchSize;
      const startedAt = performance.now();
      const due = await visits.due(shard, batchSize);
      if (due.length === 0) return;
      await writeVisits(sequelize, due);
      metrics.wroteVisits(due.length);
      await visits.settle(shard, due);
      if (due.length < batchSize) return;
      if (!isLeisurely) continue;
      await sleep(Math.min((performance.now() - startedAt) * leisurely.pausePerBatch, leisurely.maxPauseMs));
    }
  };

  const warn = createOutageWarning(log, 'visits not written yet');
  const timer = setInterval(() => {
    const shard = nextShard;
    nextShard = (shard + 1) % visitShards;
    if (running.has(shard)) return;
    const draining = drainShard(shard).catch(warn);
    running.set(
      shard,
      draining.finally(() => running.delete(shard)),
    );
  }, tickMs / visitShards);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}
