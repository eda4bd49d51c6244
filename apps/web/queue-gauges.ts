import { Gauge, type Registry } from 'prom-client';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import { createQueueReader, type QueueLoad } from '../../shared/rpc/queue-state.ts';
import type { Stores } from '../../shared/system/stores.ts';

const readEveryMs = 5000;
/** What was read before that says nothing of now: then nothing is shown. */
const freshMs = 12_000;

/**
 * Shows how long jobs wait. In front ends, since it is worth most while there is no worker; and read on its own time, since a scrape must not
 * wait for Redis. Every front end shows the same.
 */
export function openQueueGauges(
  registry: Registry,
  { commands, clock }: Stores,
  { loginQueues, closer }: { readonly loginQueues: number; readonly closer: Closer },
): void {
  let seen: { readonly loads: readonly QueueLoad[]; readonly at: number } | undefined;
  const loads = () => (seen !== undefined && performance.now() - seen.at < freshMs ? seen.loads : []);
  const shared = { aggregator: 'max' as const, registers: [registry] };
  new Gauge({
    ...shared,
    name: 'wafer_queue_jobs',
    help: 'Jobs in the queues between front ends and workers; each carries up to 32 calls',
    labelNames: ['queue', 'state'],
    collect() {
      this.reset();
      for (const { queue, waiting, active, delayed } of loads())
        for (const [state, jobs] of Object.entries({ waiting, active, delayed })) this.set({ queue, state }, jobs);
    },
  });
  new Gauge({
    ...shared,
    name: 'wafer_queue_oldest_seconds',
    help: 'How long the oldest waiting job has waited; 0: none waits',
    labelNames: ['queue'],
    collect() {
      this.reset();
      for (const { queue, oldestWaitingMs = 0 } of loads()) this.set({ queue }, oldestWaitingMs / 1000);
    },
  });
  const reader = createQueueReader(commands, loginQueues);
  const look = () =>
    void reader.read(clock.nowMs()).then(
      (loads) => (seen = { loads, at: performance.now() }),
      () => undefined,
    );
  look();
  const timer = setInterval(look, readEveryMs);
  timer.unref();
  closer.add('queue gauges', () => clearInterval(timer));
}
