import type { Sequelize } from 'sequelize';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { visitShards, type VisitLog } from '../../../shared/session/visit-log.ts';
import { writeVisits } from '../../../shared/store/visit-writer.ts';
import type { WorkerMetrics } from '../metrics.ts';

/** Brings collected visits to MySQL, many sessions in one statement. */
export interface VisitWriter {
  close(): Promise<void>;
}

const tickMs = 1000;
const batchSize = 500;
/** A claim on a shard lasts until just before the next tick; what is not done by then is left to it. */
const claimMs = 950;
const drainMs = 800;

/**
 * Every second one worker per shard takes the visits that have waited long enough. A visit leaves the log only after it is in
 * MySQL, so none is lost when a worker or MySQL dies in between; written twice it changes nothing.
 */
export function startVisitWriter(parts: {
  readonly visits: VisitLog;
  readonly sequelize: Sequelize;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
}): VisitWriter {
  const { visits, sequelize, log, metrics } = parts;
  let running: Promise<void> | undefined;
  let closed = false;

  const drainShard = async (shard: number): Promise<void> => {
    if (!(await visits.claimShard(shard, claimMs))) return;
    const stopAt = performance.now() + drainMs;
    while (performance.now() < stopAt && !closed) {
      const due = await visits.due(shard, batchSize);
      if (due.length === 0) return;
      await writeVisits(sequelize, due);
      metrics.wroteVisits(due.length);
      await visits.settle(shard, due);
      if (due.length < batchSize) return;
    }
  };

  const tick = async (): Promise<void> => {
    for (let shard = 0; shard < visitShards && !closed; shard++) {
      await drainShard(shard).catch((error: unknown) =>
        log.warn({ shard, err: describeError(error) }, 'visits not written yet'),
      );
    }
  };

  const timer = setInterval(() => {
    running ??= tick().finally(() => {
      running = undefined;
    });
  }, tickMs);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}
