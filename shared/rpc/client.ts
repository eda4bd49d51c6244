import { createHash, randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisClock } from '../redis/clock.ts';
import {
  maxCallsPerJob,
  queueOfCall,
  queueTag,
  replyChannel,
  replyKey,
  type CallJob,
  type CallName,
  type Calls,
  type QueueName,
  type SealedCall,
} from './contract.ts';
import { createGrouper, type Grouper } from './grouper.ts';
import type { Seal } from './seal.ts';

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
}

export class RpcError extends Error {
  /** `overloaded`: it would have waited in vain; `limited`: its app asks too often; `deadline`: no worker answered in time; `store_unavailable`: it could not be queued. */
  readonly reason: 'overloaded' | 'limited' | 'deadline' | 'store_unavailable';

  constructor(reason: RpcError['reason']) {
    super(`the call was not answered: ${reason}`);
    this.name = 'RpcError';
    this.reason = reason;
  }
}

interface Waiting {
  readonly queue: QueueName;
  readonly shard: number;
  readonly settle: (sealedReply: string) => void;
}

/** A reply lies in Redis all the time; a lost wake-up costs at most this long. */
const rereadIntervalMs = 1500;
const lastLookBeforeMs = 150;

export function createRpcClient(options: {
  readonly instance: string;
  readonly commands: RedisClient;
  readonly subscriber: RedisClient;
  readonly clock: RedisClock;
  readonly seal: Seal;
  readonly shards: Readonly<Record<QueueName, number>>;
  readonly maxWaiting: number;
}): RpcClient {
  const { instance, commands, subscriber, clock, seal, shards, maxWaiting } = options;
  const waiting = new Map<string, Waiting>();
  const groupers = new Map<string, { queue: Queue<CallJob>; grouper: Grouper<SealedCall> }>();

  const onMessage = (channel: string, message: string) => {
    if (channel !== replyChannel(instance)) return;
    const space = message.indexOf(' ');
    waiting.get(message.slice(0, space))?.settle(message.slice(space + 1));
  };
  const reread = (id: string, { queue, shard, settle }: Waiting) =>
    commands.get(replyKey(queue, shard, id)).then(
      (reply) => (reply === null ? undefined : settle(reply)),
      () => undefined,
    );
  // Wake-ups of the time without a subscription are lost, the replies are not.
  const onSubscriberReady = () => {
    for (const [id, call] of waiting) void reread(id, call);
  };
  subscriber.on('message', onMessage);
  subscriber.on('ready', onSubscriberReady);
  void subscriber.subscribe(replyChannel(instance)).catch(() => undefined);

  const grouperOf = (queueName: QueueName, shard: number): Grouper<SealedCall> => {
    const prefix = queueTag(queueName, shard);
    const known = groupers.get(prefix);
    if (known !== undefined) return known.grouper;
    const queue = new Queue<CallJob>(queueName, {
      connection: commands,
      prefix,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    queue.on('error', () => {});
    const grouper = createGrouper<SealedCall>(maxCallsPerJob, async (calls) => {
      await queue.add(queueName, { calls });
    });
    groupers.set(prefix, { queue, grouper });
    return grouper;
  };

  return {
    waiting: () => waiting.size,
    async call(name, request, { shardKey, timeoutMs, requestId }) {
      if (waiting.size >= maxWaiting) throw new RpcError('overloaded');
      const id = randomBytes(12).toString('base64url');
      const queue = queueOfCall[name];
      const shard = shardOf(shardKey, shards[queue]);
      const payload = seal.seal(`${name} ${id}`, JSON.stringify(request));
      const sealedReply = await new Promise<string>((resolve, reject) => {
        const call: Waiting = { queue, shard, settle: (reply) => end(() => resolve(reply)) };
        const rereading = setInterval(() => void reread(id, call), rereadIntervalMs);
        const lastLook = setTimeout(() => void reread(id, call), Math.max(timeoutMs - lastLookBeforeMs, 0));
        const deadline = setTimeout(() => end(() => reject(new RpcError('deadline'))), timeoutMs);
        const end = (settle: () => void) => {
          clearInterval(rereading);
          clearTimeout(lastLook);
          clearTimeout(deadline);
          waiting.delete(id);
          settle();
        };
        waiting.set(id, call);
        grouperOf(queue, shard)
          .add({ name, id, replyTo: instance, deadline: Math.floor(clock.nowMs() + timeoutMs), requestId, payload })
          .catch(() => end(() => reject(new RpcError('store_unavailable'))));
      });
      return JSON.parse(seal.open(`reply ${id}`, sealedReply)) as Calls[typeof name]['response'];
    },
    async close() {
      subscriber.off('message', onMessage);
      subscriber.off('ready', onSubscriberReady);
      await Promise.all([...groupers.values()].map(({ queue }) => queue.close()));
    },
  };
}

/** The queue of a key: the same in every front end, evenly spread. */
function shardOf(key: string, shards: number): number {
  return shards === 1 ? 0 : createHash('sha256').update(key).digest().readUInt32BE(0) % shards;
}
