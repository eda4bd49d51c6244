import type { QueueState } from '../../rpc/queue-state.ts';
import { plural } from '../words.ts';
import { fault, ok, warning, type Finding } from './finding.ts';

const check = 'queue';
/** A log-in that waits this long is answered late; one that waits longer, not at all. */
const slowMs = 1000;
const stuckMs = 5000;

/** @param workers how many answer */
export function describeQueues(queues: readonly QueueState[], workers: number): Finding {
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
  const [oldest] = queues.toSorted((left, right) => (right.oldestWaitingMs ?? 0) - (left.oldestWaitingMs ?? 0));
  const oldestMs = oldest?.oldestWaitingMs ?? 0;
  if (oldest === undefined || oldestMs < slowMs) return ok(check, `${plural(waiting, 'job')} waiting`);
  const found = `a job has waited ${(oldestMs / 1000).toFixed(1)} s in ${oldest.queue} ${oldest.shard}; ${plural(waiting, 'job')} waiting`;
  if (workers > 0 && oldest.active > 0) {
    const judge = oldestMs < stuckMs ? warning : fault;
    return judge(
      check,
      `${found}, ${oldest.active} being done: more arrive than ${plural(workers, 'worker')} can do`,
      'Start more workers (npx pm2 scale worker +1) or raise WORKER_CONCURRENCY; if WeChat or MySQL is slow, that is the cause: see their lines.',
      'overload',
    );
  }
  return oldestMs < stuckMs
    ? warning(check, found, 'Start more workers: npx pm2 scale worker +1', 'queue_slow')
    : fault(
        check,
        `${found}: jobs are not taken`,
        'Restart the workers (npx pm2 restart worker), and give all processes the same LOGIN_QUEUES.',
        'queue_stuck',
      );
}
