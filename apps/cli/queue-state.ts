import type { RedisClient } from '../../shared/redis/connect.ts';
import { queueTag, type QueueName } from '../../shared/rpc/contract.ts';

/** What waits in one queue. Jobs carry up to 32 requests each. */
export interface QueueState {
  readonly queue: QueueName;
  readonly shard: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  /** Milliseconds that the oldest waiting job has waited; undefined if none waits. */
  readonly oldestWaitingMs: number | undefined;
}

/** Reads every queue of log-ins and the one of decrypts. @param nowMs Redis's time in milliseconds since 1970 */
export function readQueues(commands: RedisClient, loginQueues: number, nowMs: number): Promise<QueueState[]> {
  const logins = Array.from({ length: loginQueues }, (_, shard) => readQueue(commands, 'login', shard, nowMs));
  return Promise.all([...logins, readQueue(commands, 'session', 0, nowMs)]);
}

async function readQueue(commands: RedisClient, name: QueueName, shard: number, nowMs: number): Promise<QueueState> {
  // Loaded here, because it takes half as long to load as all else, and few commands look at queues.
  const { Queue } = await import('bullmq');
  // Only looks: neither writes the queue's settings nor waits for a connection.
  const queue = new Queue(name, {
    connection: commands,
    prefix: queueTag(name, shard),
    skipMetasUpdate: true,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  queue.on('error', () => undefined);
  const [counts, [oldest]] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
    queue.getJobs(['waiting'], 0, 0, true),
  ]);
  const countOf = (state: string) => counts[state] ?? 0;
  return {
    queue: name,
    shard,
    waiting: countOf('waiting') + countOf('prioritized'),
    active: countOf('active'),
    delayed: countOf('delayed'),
    oldestWaitingMs: oldest === undefined ? undefined : Math.max(Math.round(nowMs - oldest.timestamp), 0),
  };
}
