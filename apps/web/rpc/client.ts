import { createHash } from 'node:crypto';
import { Queue } from 'bullmq';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { RedisClock } from '../../../shared/redis/clock.ts';
import {
  callsPurpose,
  maxCallsPerJob,
  queueOfCall,
  queueTag,
  type Call,
  type CallJob,
  type CallName,
  type Calls,
  type QueueName,
} from '../../../shared/rpc/contract.ts';
import { createGrouper, type Grouper } from '../../../shared/async/grouper.ts';
import { createInFlight } from '../../../shared/async/in-flight.ts';
import { setPatientTimeout } from '../../../shared/async/patience.ts';
import { createJobSpacing } from './job-spacing.ts';
import { takeRandomBytes } from '../../../shared/keys/random.ts';
import { watchLoss } from './loss-watch.ts';
import { readReplies } from './reply-reader.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { Remembering } from '../../../shared/system/remembering.ts';
import type { Span } from '../../../shared/tracing/span.ts';

/** Asks workers. A call is answered, or fails with an {@link RpcError} by its deadline; it never hangs. */
export interface RpcClient {
  call<Name extends CallName>(
    name: Name,
    request: Calls[Name]['request'],
    options: CallOptions,
  ): Promise<Calls[Name]['response']>;
  /** Calls that wait for their answer. */
  waiting(): number;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Requests with the same shard key go to the same queue. */
  readonly shardKey: string;
  readonly timeoutMs: number;
  readonly requestId: string;
  /** Of the request, if it is traced. */
  readonly span?: Span | undefined;
}

export class RpcError extends Error {
  /** `overloaded`: it would have waited in vain; `limited`: its app asks too often; `deadline`: no worker answered in time; `store_unavailable`: it could not be queued, or Redis was away or emptied meanwhile. */
  readonly reason: 'overloaded' | 'limited' | 'deadline' | 'store_unavailable';

  constructor(reason: RpcError['reason']) {
    super(`the call was not answered: ${reason}`);
    this.name = 'RpcError';
    this.reason = reason;
  }
}

interface Waiting {
  readonly resolve: (response: Calls[CallName]['response']) => void;
  readonly reject: (error: unknown) => void;
  readonly deadline: NodeJS.Timeout;
}

/**
 * BullMQ takes no job with an id that is there. Log-ins have the ledger of codes; of everything else the ids of done jobs stay, until long
 * after the deadline of their calls.
 */
const keptWhenDone: Readonly<Record<QueueName, true | { age: number }>> = { login: true, session: { age: 60 } };

/** Never of digits alone: those are BullMQ's own. */
function createJobId(): string {
  return `c${takeRandomBytes(12).toString('base64url')}`;
}

/** For answers that may be gone, or can't be written, to come after all. */
const lateAnswerMs = 1000;

export function createRpcClient(options: {
  readonly instance: string;
  readonly commands: RedisClient;
  /** A connection for the replies alone. */
  readonly blocking: RedisClient;
  readonly clock: RedisClock;
  readonly seal: Seal;
  readonly remembering: Remembering;
  readonly shards: Readonly<Record<QueueName, number>>;
  readonly maxWaiting: number;
}): RpcClient {
  const { instance, commands, blocking, clock, seal, remembering, shards, maxWaiting } = options;
  const waiting = createInFlight<number, Waiting>();
  const groupers = new Map<string, { queue: Queue<CallJob>; grouper: Grouper<Call> }>();
  /** One for all queues: it goes by how busy this process is. */
  const spacingMs = createJobSpacing();
  let lastCallId = 0;

  /** Takes a call out of those that wait; undefined if it is answered already. */
  const take = (id: number): Waiting | undefined => {
    const call = waiting.take(id);
    clearTimeout(call?.deadline);
    return call;
  };
  const replies = readReplies({
    instance,
    blocking,
    commands,
    seal,
    onReply: ([id, response]) => take(id)?.resolve(response),
  });
  remembering.add(() => replies.trim());
  const giveUp = (ids: Iterable<number>) => {
    for (const id of ids) take(id)?.reject(new RpcError('store_unavailable'));
  };
  /** Gives up those that wait now, but not at once: a worker that has the call already may still answer it. */
  const doubt = () => {
    const ids = [...waiting.keys()];
    setPatientTimeout(() => giveUp(ids), lateAnswerMs).unref();
  };
  const losses = watchLoss({ commands, clock, onAway: () => giveUp([...waiting.keys()]), onDoubt: doubt });

  const grouperOf = (queueName: QueueName, shard: number): Grouper<Call> => {
    const prefix = queueTag(queueName, shard);
    const known = groupers.get(prefix);
    if (known !== undefined) return known.grouper;
    const queue = new Queue<CallJob>(queueName, {
      connection: commands,
      prefix,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: { removeOnComplete: keptWhenDone[queueName], removeOnFail: true },
    });
    queue.on('error', () => {});
    const grouper = createGrouper<Call>(
      maxCallsPerJob,
      async (calls) => {
        const jobId = createJobId();
        const sealed = seal.seal(callsPurpose(instance, jobId), JSON.stringify(calls));
        await queue.add(queueName, { replyTo: instance, calls: sealed }, { jobId });
      },
      { spacingMs },
    );
    groupers.set(prefix, { queue, grouper });
    return grouper;
  };

  return {
    waiting: () => waiting.size(),
    call(name, request, { shardKey, timeoutMs, requestId, span }) {
      if (waiting.size() >= maxWaiting) return Promise.reject(new RpcError('overloaded'));
      const id = ++lastCallId;
      const queue = queueOfCall[name];
      const latestMs = clock.latestNowMs();
      const call: Call = {
        name,
        id,
        deadline: Math.floor(clock.nowMs() + timeoutMs),
        ...(latestMs === undefined ? {} : { madeByUs: Math.ceil(latestMs * 1000) }),
        requestId,
        // Left out by JSON if there is none.
        traceparent: span?.traceparent,
        request,
      };
      return new Promise((resolve, reject) => {
        const deadline = setPatientTimeout(() => take(id)?.reject(new RpcError('deadline')), timeoutMs);
        waiting.add(id, { resolve, reject, deadline });
        const send = grouperOf(queue, shardOf(shardKey, shards[queue]));
        send(call).catch((error: Error) => {
          take(id)?.reject(new RpcError('store_unavailable'));
          losses.noteFailure(error);
        });
      });
    },
    async close() {
      losses.close();
      await replies.close();
      await Promise.all([...groupers.values()].map(({ queue }) => queue.close()));
    },
  };
}

/** The queue of a key: the same in every front end, evenly spread. */
function shardOf(key: string, shards: number): number {
  return shards === 1 ? 0 : createHash('sha256').update(key).digest().readUInt32BE(0) % shards;
}
