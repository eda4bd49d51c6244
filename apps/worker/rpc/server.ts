import { setTimeout } from 'node:timers/promises';
import type { Job } from 'bullmq';
import pLimit from 'p-limit';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { RedisClock } from '../../../shared/redis/clock.ts';
import { describeError, type Log } from '../../../shared/log/log.ts';
import {
  callsPurpose,
  queueTag,
  type Call,
  type CallJob,
  type CallName,
  type Calls,
  type QueueName,
} from '../../../shared/rpc/contract.ts';
import { returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { PromptWorker } from './prompt-worker.ts';
import { createReplySender } from './reply-sender.ts';
import { createRunOnce } from './run-once.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { Remembering } from '../../../shared/system/remembering.ts';
import { inSpan, ofRedis, type Span, type Tracing } from '../../../shared/tracing/span.ts';
import { beginCall, tellAnswer } from './traced-call.ts';

/** Answers the calls of one queue. */
export interface RpcServer {
  /** Calls that were taken and are not answered yet, those that wait here for their turn included. */
  inHand(): number;
  /** Takes no more jobs, finishes those in hand. */
  close(): Promise<void>;
}

/** What a handler knows beside the request. */
export interface CallContext {
  readonly requestId: string;
  /** The front end that asks. */
  readonly web: string;
  readonly shard: number;
  /** The same for all calls that came in one job. */
  readonly job: object;
  /** The worker that had this call before has died, or was taken for dead. */
  readonly isRestarted: boolean;
  /** The call was made by then, in microseconds of Redis's clock; undefined if that is not known. */
  readonly madeByUs: number | undefined;
  /** Milliseconds until nobody waits for the answer any more. */
  remainingMs(): number;
  /** Redis's time in microseconds. */
  redisNowUs(): number;
  /** undefined: this call is not traced. */
  readonly span: Span | undefined;
  readonly log: Log;
}

export type CallHandler<Name extends CallName> = (
  request: Calls[Name]['request'],
  context: CallContext,
) => Promise<Calls[Name]['response'] | Dropped>;

/** In the place of an answer for which nobody waits any more. */
export const dropped = Symbol('dropped');
export type Dropped = typeof dropped;

/** What a call needs of its time after the last answer that it waits for: a write, the reply. */
export const reserveMs = 300;

/** A dead worker's jobs start again elsewhere after at most the sum of these two. */
export const lockDurationMs = 2500;
export const stalledIntervalMs = 1000;
/** An idle worker asks again this often, so it notices soon when its connection is dead without having been closed. */
const drainDelaySeconds = 1;
/** After a failure of the connection; BullMQ's own 15 s would be an outage after each outage. */
const fetchRetryMs = 500;
/** BullMQ fails a job that has stalled more often, and its callers get no answer. None of ours stalls so often before its deadline. */
export const maxStalledCount = 1000;
const replyRetryMs = 200;

/** A call and the instance that waits for its answer. */
interface OpenedCall {
  readonly replyTo: string;
  readonly call: Call;
}

/** A handler for each call that a queue carries. */
export type CallHandlers<Name extends CallName = CallName> = { readonly [Each in Name]: CallHandler<Each> };

export function createRpcServer(options: {
  readonly queue: QueueName;
  readonly shard: number;
  readonly blocking: RedisClient;
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly seal: Seal;
  readonly remembering: Remembering;
  /** Calls in flight at once. */
  readonly concurrency: number;
  /** Of the calls of this queue. */
  readonly handlers: Partial<CallHandlers>;
  readonly onAnswer: (name: CallName, outcome: Outcome | 'dropped', seconds: number) => void;
  /** The answer is in Redis, so long after it was there. */
  readonly onReply: (name: CallName, seconds: number) => void;
  /** A job of another worker is taken from it, which is dead or stands still. */
  readonly onStalled: (queue: QueueName) => void;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
}): RpcServer {
  const { queue, shard, blocking, commands, clock, seal, remembering, concurrency, handlers } = options;
  const { onAnswer, onReply, onStalled, tracing, log } = options;

  const sendReply = createReplySender(commands, seal);
  // The ledger of codes remembers log-ins, for all processes.
  const once = queue === 'login' ? undefined : createRunOnce<Outcome | Dropped>(() => clock.nowMs());
  // Whose call it was is not known any more; who brings one again that is answered gets no second answer.
  remembering.add(() => once?.forgetResults(dropped));
  const answer = async ({ replyTo, call }: OpenedCall, job: Job<CallJob>, span: Span | undefined): Promise<void> => {
    const remainingMs = () => call.deadline - clock.nowMs();
    const { name, requestId } = call;
    const started = performance.now();
    const leftMs = Math.floor(remainingMs());
    const handle = handlers[name] as CallHandler<CallName> | undefined;
    let response: Outcome | Dropped = dropped;
    if (remainingMs() <= 0) log.info({ call: name, requestId }, 'dropped: nobody waits any more');
    else if (handle === undefined) throw new Error('a call that this version does not know');
    else {
      const redisNowUs = () => Math.floor(clock.nowMs() * 1000);
      const isRestarted = job.stalledCounter > 0;
      const context = new Context(
        {
          requestId,
          web: job.data.replyTo,
          shard,
          job,
          isRestarted,
          madeByUs: call.madeByUs,
          remainingMs,
          redisNowUs,
          span,
        },
        log,
      );
      try {
        const work = () => handle(call.request, context);
        response = await (once?.run(`${replyTo} ${call.id}`, call.deadline, work) ?? work());
      } catch (error) {
        context.log.error({ call: name, err: describeError(error) }, 'bug: call failed');
        response = fail(name === 'login' ? 'sessionNotWritten' : 'databaseError', 'internal');
      }
    }
    const answered = performance.now();
    const outcome = response === dropped ? 'dropped' : response;
    onAnswer(name, outcome, (answered - started) / 1000);
    if (span !== undefined) tellAnswer(span, outcome);
    if (log.isLevelEnabled('debug')) {
      const code = outcome === 'dropped' ? outcome : returnCodeOf(outcome);
      log.debug({ call: name, requestId, code, ms: Math.round(answered - started), leftMs }, 'call');
    }
    if (response === dropped) return;
    // Not `{ ...response, leftMs }`: V8 of Node 20 would make a hidden class for each (docs/performance/experiments.md).
    const timed = { leftMs, ...response };
    const send = () => untilSent(() => sendReply({ replyTo, reply: [call.id, timed] }), remainingMs);
    await inSpan(span, 'XADD reply', 'client', ofRedis, send);
    onReply(name, (performance.now() - answered) / 1000);
  };

  const answerInSpan = (opened: OpenedCall, job: Job<CallJob>): Promise<void> => {
    const span = tracing && beginCall(tracing, opened.call, clock.nowMs());
    return span === undefined ? answer(opened, job, undefined) : answer(opened, job, span).finally(() => span.end());
  };

  const open = ({ id = '', data: { replyTo, calls } }: Job<CallJob>): OpenedCall[] => {
    return (JSON.parse(seal.open(callsPurpose(replyTo, id), calls)) as Call[]).map((call) => ({ replyTo, call }));
  };

  // A job carries up to 32 calls, so jobs alone would not bound what is in flight.
  const limit = pLimit(concurrency);
  const process = async (job: Job<CallJob>): Promise<void> => {
    // Each call for itself: one that is slow or fails neither holds back nor fails the others of its job.
    await Promise.all(
      open(job).map((opened) =>
        limit(answerInSpan, opened, job).catch((error: unknown) => {
          const { name, requestId } = opened.call;
          log.error({ call: name, requestId, err: describeError(error) }, 'call not answered');
        }),
      ),
    );
  };

  const worker = new PromptWorker(queue, process, {
    autorun: false,
    connection: blocking,
    prefix: queueTag(queue, shard),
    concurrency,
    drainDelay: drainDelaySeconds,
    runRetryDelay: fetchRetryMs,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    skipVersionCheck: true,
  });
  const onError = (error: Error) => log.debug({ err: describeError(error) }, 'queue connection');
  worker.on('error', onError);
  worker.on('stalled', () => onStalled(queue));
  worker.run().catch(onError);
  // While Redis is away no job can be finished in it, and an orderly close would wait for that.
  return {
    inHand: () => limit.activeCount + limit.pendingCount,
    close: () => worker.close(blocking.status !== 'ready'),
  };
}

/** While Redis is away somebody may still wait for the answer: so again until the deadline. */
async function untilSent(send: () => Promise<void>, remainingMs: () => number): Promise<void> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (remainingMs() <= replyRetryMs)
        throw new Error('the reply could not be stored before the deadline', { cause: error });
    }
    await setTimeout(replyRetryMs);
  }
}

class Context implements CallContext {
  readonly requestId: string;
  readonly web: string;
  readonly shard: number;
  readonly job: object;
  readonly isRestarted: boolean;
  readonly madeByUs: number | undefined;
  readonly remainingMs: () => number;
  readonly redisNowUs: () => number;
  readonly span: Span | undefined;
  readonly #log: Log;
  #own: Log | undefined;

  constructor(facts: Omit<CallContext, 'log'>, log: Log) {
    this.requestId = facts.requestId;
    this.web = facts.web;
    this.shard = facts.shard;
    this.job = facts.job;
    this.isRestarted = facts.isRestarted;
    this.madeByUs = facts.madeByUs;
    this.remainingMs = facts.remainingMs;
    this.redisNowUs = facts.redisNowUs;
    this.span = facts.span;
    this.#log = log;
  }

  /** Made when it is used: most calls have nothing to say. */
  get log(): Log {
    return (this.#own ??= this.#log.child({ requestId: this.requestId, traceId: this.span?.traceId }));
  }
}
