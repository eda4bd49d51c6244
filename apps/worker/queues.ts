import type { Config } from '../../shared/config/config.ts';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import type { Log } from '../../shared/log/log.ts';
import type { QueueName } from '../../shared/rpc/contract.ts';
import type { Seal } from '../../shared/rpc/seal.ts';
import type { Remembering } from '../../shared/system/remembering.ts';
import type { Stores } from '../../shared/system/stores.ts';
import type { Tracing } from '../../shared/tracing/span.ts';
import type { createHandlers } from './handlers.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createRpcServer } from './rpc/server.ts';

/** Takes jobs from every queue, each with a connection of its own that waits for them. */
export function openQueues(
  { login, worker }: Config,
  deps: {
    readonly handlers: ReturnType<typeof createHandlers>;
    readonly stores: Stores;
    readonly seal: Seal;
    readonly remembering: Remembering;
    readonly metrics: WorkerMetrics;
    readonly tracing: Tracing | undefined;
    readonly closer: Closer;
    readonly log: Log;
  },
): void {
  const { handlers, stores, seal, remembering, metrics, tracing, closer, log } = deps;
  const { commands, clock } = stores;
  const open = (queue: QueueName, shard: number) => {
    const blocking = stores.connectBlocking();
    closer.add(`${queue} ${shard} redis`, () => blocking.disconnect());
    const connections = { blocking, commands, clock, seal, remembering };
    const { concurrency } = worker;
    const counting = { onAnswer: metrics.called, onReply: metrics.replied, onStalled: metrics.stalled };
    const answering = { handlers: handlers[queue], ...counting, tracing, log };
    const server = createRpcServer({ queue, shard, concurrency, ...connections, ...answering });
    closer.add(`${queue} ${shard}`, () => server.close());
    metrics.addPlaces(queue, concurrency, server.inHand);
  };
  for (let shard = 0; shard < login.queues; shard++) open('login', shard);
  open('session', 0);
}
