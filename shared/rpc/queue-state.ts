import type { Queue } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import { openQueue } from '../redis/open-queue.ts';
import { queueTag, type QueueName } from './contract.ts';

/** What waits in one queue. Jobs carry up to 32 calls each. */
export interface QueueState {
  readonly queue: QueueName;
  readonly shard: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  /** As a rule none: a call that failed was answered, and its job is gone. */
  readonly failed: number;
  /** Milliseconds that the oldest waiting job has waited; undefined if none waits. */
  readonly oldestWaitingMs: number | undefined;
}

/** The same of all queues of one name together. */
export type QueueLoad = Omit<QueueState, 'shard' | 'failed'> & { readonly shards: number };

/** Looks at the queues without taking part in them. @throws when Redis does not answer */
export interface QueueReader {
  /** Every queue of log-ins, and the one of the rest. @param nowMs Redis's time in milliseconds since 1970 */
  readEach(nowMs: number): Promise<QueueState[]>;
  read(nowMs: number): Promise<QueueLoad[]>;
}

interface OpenQueue {
  readonly name: QueueName;
  readonly shard: number;
  readonly queue: Queue;
}

/** @param commands is not closed with it. @param loginQueues how many the log-ins are spread over */
export function createQueueReader(commands: RedisClient, loginQueues: number): QueueReader {
  const open = (): Promise<OpenQueue[]> =>
    Promise.all(
      [...Array.from({ length: loginQueues }, (_, shard) => ['login', shard] as const), ['session', 0] as const].map(
        async ([name, shard]) => ({
          name,
          shard,
          queue: await openQueue(commands, name, queueTag(name, shard)),
        }),
      ),
    );
  let opened: Promise<OpenQueue[]> | undefined;

  const readOne = async ({ name, shard, queue }: OpenQueue, nowMs: number): Promise<QueueState> => {
    const [counts, [oldest]] = await Promise.all([
      queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'),
      queue.getRanges(['waiting'], 0, 0, true),
    ]);
    // Not the whole job: it is as large as 32 calls.
    const since = oldest === undefined ? null : await commands.hget(queue.toKey(oldest), 'timestamp');
    const countOf = (state: string) => counts[state] ?? 0;
    return {
      queue: name,
      shard,
      waiting: countOf('waiting') + countOf('prioritized'),
      active: countOf('active'),
      delayed: countOf('delayed'),
      failed: countOf('failed'),
      // Whoever writes to Redis can write anything there.
      oldestWaitingMs: /^\d{1,15}$/.test(since ?? '') ? Math.max(Math.round(nowMs - Number(since)), 0) : undefined,
    };
  };
  const readEach = async (nowMs: number): Promise<QueueState[]> =>
    Promise.all((await (opened ??= open())).map((each) => readOne(each, nowMs)));

  return {
    readEach,
    async read(nowMs) {
      const all = await readEach(nowMs);
      return (['login', 'session'] as const).map((name) => together(all.filter(({ queue }) => queue === name)));
    },
  };
}

function together(states: readonly QueueState[]): QueueLoad {
  const sumOf = (count: (state: QueueState) => number) => states.reduce((sum, state) => sum + count(state), 0);
  const waits = states.flatMap(({ oldestWaitingMs }) => (oldestWaitingMs === undefined ? [] : [oldestWaitingMs]));
  return {
    queue: (states[0] as QueueState).queue,
    shards: states.length,
    waiting: sumOf(({ waiting }) => waiting),
    active: sumOf(({ active }) => active),
    delayed: sumOf(({ delayed }) => delayed),
    oldestWaitingMs: waits.length === 0 ? undefined : Math.max(...waits),
  };
}
