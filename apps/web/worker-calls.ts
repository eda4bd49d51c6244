import type { Config } from '../../shared/config/config.ts';
import type { Closer } from '../../shared/lifecycle/closer.ts';
import type { Seal } from '../../shared/rpc/seal.ts';
import type { Remembering } from '../../shared/system/remembering.ts';
import type { Stores } from '../../shared/system/stores.ts';
import { createAdmittedAsk, type AdmittedAsk } from './interfaces/admitted-ask.ts';
import type { WebMetrics } from './metrics.ts';
import { createRpcClient } from './rpc/client.ts';
import { createLateRpcClient, type LateRpcClient } from './rpc/late-client.ts';

/** Calls that may wait for workers at once, whatever the admission thinks. */
const maxWaiting = 10_000;
/** How long a call to a worker waits for the start of the process: without Redis it fails within a second. */
const startPatienceMs = 900;

/** All that this front end asks workers. A call is let in if it can be answered in time, and is sent once this is open. */
export interface WorkerCalls extends AdmittedAsk, Pick<LateRpcClient, 'waiting' | 'isOpen'> {
  /** The process has joined the others: from now on calls are sent, those that wait for it first. */
  open(as: { readonly instance: string; readonly seal: Seal; readonly remembering: Remembering }): void;
}

export function createWorkerCalls(
  { login }: Config,
  { stores, metrics, closer }: { readonly stores: Stores; readonly metrics: WebMetrics; readonly closer: Closer },
): WorkerCalls {
  const rpc = createLateRpcClient(startPatienceMs);
  // After HTTP, so that log-ins in flight still get their replies.
  closer.add('rpc', () => rpc.close());
  const limits = { loginDeadlineMs: login.deadlineMs, loginsPerApp: login.limitPerApp };
  const { ask, limit } = createAdmittedAsk(rpc.call, limits, metrics.refusedCall);
  const shards = { login: login.queues, session: 1 };
  return {
    ask,
    limit,
    waiting: rpc.waiting,
    isOpen: rpc.isOpen,
    open({ instance, seal, remembering }) {
      const { commands, clock } = stores;
      // Closed by step `rpc`.
      const blocking = stores.connectBlocking();
      rpc.open(createRpcClient({ instance, commands, blocking, clock, seal, remembering, shards, maxWaiting }));
    },
  };
}
