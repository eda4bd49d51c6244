import { listInstances } from '../../../shared/redis/presence.ts';
import { readQueues, type QueueState } from '../queue-state.ts';
import type { OpenRedis } from '../stores.ts';
import { plural } from '../text.ts';
import { fault, ok, warning, type Finding } from './finding.ts';

/** A log-in that waits this long is answered late; one that waits longer, not at all. */
const slowMs = 1000;
const stuckMs = 5000;

/** Whether front ends and workers are alive, and whether jobs are taken: a worker can be alive and hang. */
export async function checkProcesses({ commands, clock }: OpenRedis, loginQueues: number): Promise<Finding[]> {
  const [web, worker, queues] = await Promise.all([
    listInstances(commands, clock, 'web'),
    listInstances(commands, clock, 'worker'),
    readQueues(commands, loginQueues, clock.nowMs()),
  ]);
  return [
    web.length > 0
      ? ok('processes.web', `${plural(web.length, 'front end')} alive`)
      : fault('processes.web', 'no front end is alive', 'npm run web, or: npx pm2 start ecosystem.config.js'),
    worker.length > 0
      ? ok('processes.worker', `${plural(worker.length, 'worker')} alive`)
      : fault(
          'processes.worker',
          'no worker is alive: nobody can log in',
          'npm run worker, or: npx pm2 start ecosystem.config.js',
        ),
    describeQueues(queues),
  ];
}

function describeQueues(queues: readonly QueueState[]): Finding {
  const check = 'queue';
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
  const [oldest] = queues.toSorted((left, right) => (right.oldestWaitingMs ?? 0) - (left.oldestWaitingMs ?? 0));
  const oldestMs = oldest?.oldestWaitingMs ?? 0;
  if (oldest === undefined || oldestMs < slowMs) return ok(check, `${plural(waiting, 'job')} waiting`);
  const found = `a job has waited ${(oldestMs / 1000).toFixed(1)} s in ${oldest.queue} ${oldest.shard}; ${plural(waiting, 'job')} waiting`;
  return oldestMs < stuckMs
    ? warning(check, found, 'Start more workers: npx pm2 scale worker +1')
    : fault(
        check,
        `${found}: jobs are not taken`,
        'Restart the workers (npx pm2 restart worker), and give all processes the same LOGIN_QUEUES.',
      );
}
