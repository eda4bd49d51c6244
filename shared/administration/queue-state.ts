import { listInstances } from '../redis/presence.ts';
import { readRetentionState, type RetentionState } from '../retention/queue.ts';
import { createQueueReader, type QueueState } from '../rpc/queue-state.ts';
import { createVisitLog } from '../session/visit-log.ts';
import type { OpenRedis } from './stores.ts';

/** What is on its way, and who is there. */
export interface QueueOverview {
  readonly queues: readonly QueueState[];
  /** Sessions with a visit that is not in MySQL yet. */
  readonly visitsWaiting: number;
  readonly retention: RetentionState;
  /** Live front ends and workers. */
  readonly web: readonly string[];
  readonly worker: readonly string[];
}

export async function readQueueOverview({ commands, clock }: OpenRedis, loginQueues: number): Promise<QueueOverview> {
  const [queues, visitsWaiting, instances, retention] = await Promise.all([
    createQueueReader(commands, loginQueues).readEach(clock.nowMs()),
    createVisitLog(commands).size(),
    listInstances(commands, clock),
    readRetentionState(commands),
  ]);
  const of = (role: string) => instances.filter((name) => name.startsWith(`${role}-`));
  return { queues, visitsWaiting, retention, web: of('web'), worker: of('worker') };
}
