import type { Queue } from 'bullmq';
import type { OpenRedis } from '../../shared/administration/stores.ts';
import { queueTag, type QueueName } from '../../shared/rpc/contract.ts';
import { openQueue } from '../../shared/redis/open-queue.ts';

/** Queues of one name, or all of them. */
interface ChosenQueues {
  readonly queue?: QueueName | undefined;
  readonly loginQueues: number;
}

/** By the name and number of each queue: `login 0`. */
export type JobCounts = Readonly<Record<string, number>>;

/** Jobs that wait, and are removed: whoever asked waits until the time is over. Those that a worker has taken are finished. */
export function drainQueues(redis: OpenRedis, chosen: ChosenQueues, isDryRun: boolean): Promise<JobCounts> {
  return inEach(redis, chosen, async (queue) => {
    const { waiting = 0, prioritized = 0 } = await queue.getJobCounts('waiting', 'prioritized');
    if (!isDryRun && waiting + prioritized > 0) await queue.drain();
    return waiting + prioritized;
  });
}

const retriedAtOnce = 500;

/** Failed jobs that come to the workers again; one whose callers have gone by then is dropped there. */
export function retryFailed(redis: OpenRedis, chosen: ChosenQueues): Promise<JobCounts> {
  return inEach(redis, chosen, async (queue) => {
    const { failed = 0 } = await queue.getJobCounts('failed');
    if (failed > 0) await queue.retryJobs({ state: 'failed', count: retriedAtOnce });
    return failed;
  });
}

async function inEach(
  { commands }: OpenRedis,
  { queue, loginQueues }: ChosenQueues,
  work: (queue: Queue) => Promise<number>,
): Promise<JobCounts> {
  const all: (readonly [QueueName, number])[] = [
    ...Array.from({ length: loginQueues }, (_, shard) => ['login', shard] as const),
    ['session', 0],
  ];
  const counts: Record<string, number> = {};
  for (const [name, shard] of all.filter(([name]) => queue === undefined || queue === name))
    counts[`${name} ${shard}`] = await work(await openQueue(commands, name, queueTag(name, shard)));
  return counts;
}
