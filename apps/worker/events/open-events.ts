import { Worker, type Job } from 'bullmq';
import type { Config } from '../../../shared/config/config.ts';
import type { EventDemand } from './demand.ts';
import { laneCount } from '../../../shared/events/outbox.ts';
import { eventsPrefix, eventsQueue, openEventsQueue, type EventsJob } from '../../../shared/events/queue.ts';
import { maxEndpoints } from '../../../shared/events/endpoint-store.ts';
import { createEventSender } from '../../../shared/events/send.ts';
import { createTargetRules } from '../../../shared/events/targets.ts';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { Closer } from '../../../shared/lifecycle/closer.ts';
import { describeError, type Log } from '../../../shared/log/log.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { Remembering } from '../../../shared/system/remembering.ts';
import type { Stores } from '../../../shared/system/stores.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { lockDurationMs, maxStalledCount, stalledIntervalMs } from '../rpc/server.ts';
import { createDelivery } from './delivery.ts';
import { createEndpointHealth } from './endpoint-health.ts';
import { createEndpointRunner } from './endpoint-runner.ts';
import { createInHand } from './in-hand.ts';
import { createLaneRunner } from './lane-runner.ts';
import { pauseOf } from './lane-scheduler.ts';
import { createLetterRunner } from './letter-runner.ts';
import { startRelay } from './relay.ts';

/** Takes part in telling other systems what happens: moves events out of the outbox, and sends them. */
export async function openEvents(
  config: Config,
  deps: {
    readonly stores: Stores;
    readonly cipher: ColumnCipher;
    readonly demand: EventDemand;
    readonly instance: string;
    readonly remembering: Remembering;
    readonly metrics: WorkerMetrics;
    readonly closer: Closer;
    readonly log: Log;
  },
): Promise<void> {
  const { stores, cipher, demand, instance, remembering, metrics, closer, log } = deps;
  const { sequelize, commands } = stores;
  const stopping = new AbortController();
  const queue = await openEventsQueue(commands);
  const sender = createEventSender(createTargetRules(config.events.privateTargets));
  const health = createEndpointHealth(sequelize, log);
  const { signal } = stopping;
  const inHand = createInHand();
  remembering.add((order) => inHand.forget(order));
  const delivery = createDelivery({ sequelize, cipher, sender, health, metrics, signal });
  const parts = { sequelize, demand, delivery, inHand, signal };
  const [runEndpoint, runLane, runLetters] = [
    createEndpointRunner(parts),
    createLaneRunner(parts),
    createLetterRunner(parts),
  ];
  const run = ({ endpoint, lane }: EventsJob): Promise<void> => {
    if (lane === 'all') return runEndpoint(endpoint);
    return lane === 'dead' ? runLetters(endpoint) : runLane(endpoint, lane);
  };

  let worker: ReturnType<typeof startSending> | undefined;
  // A step of its own: whatever hangs in the one before, a connection that would be made again and again keeps no process.
  closer.add('events redis', async () => worker?.disconnect());
  closer.add('events', async () => {
    stopping.abort();
    // What is under way is not answered any more, and is sent again by another worker.
    await sender.close();
    await worker?.close();
  });
  // Where nobody wants events not even a connection is made for them.
  const onWanted = () => (worker ??= startSending(stores.connectBlocking(), (job) => run(job.data), log));
  const relay = startRelay({ sequelize, commands, queue, demand, onWanted, instance, metrics, log });
  closer.add('events relay', () => relay.close());
}

function startSending(blocking: RedisClient, run: (job: Job<EventsJob>) => Promise<void>, log: Log) {
  const worker = new Worker<EventsJob>(eventsQueue, run, {
    connection: blocking,
    prefix: eventsPrefix,
    // A lane waits for its endpoint, and none for another; so do the lanes that go on, and dead letters.
    concurrency: (laneCount + 2) * maxEndpoints,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    settings: {
      backoffStrategy: (attempts, _type, _error, job) => pauseOf(attempts, (job as Job<EventsJob>).data.lane),
    },
    skipVersionCheck: true,
  });
  worker.on('error', (error: Error) => log.debug({ err: describeError(error) }, 'queue connection'));
  return {
    close: () => worker.close(blocking.status !== 'ready'),
    disconnect: () => blocking.disconnect(),
  };
}
