import type { RedisClient } from '../redis/connect.ts';
import type { Call, CallJob, CallName, Calls, Reply } from './contract.ts';
import type { Seal } from './seal.ts';

/** A call and the way its answer goes back. */
export interface OpenedCall {
  readonly call: Call;
  readonly send: (response: Reply[1]) => Promise<void>;
}

/**
 * A job as front ends of the version before wrote it: each call sealed alone, and answered by a key and a wake-up of its own. While a
 * site is upgraded, and on the way back, workers of this version answer them. To be dropped with the next release.
 */
interface FormerJob {
  readonly calls: readonly FormerCall[];
}

interface FormerCall extends Pick<Call, 'name' | 'deadline' | 'requestId'> {
  readonly id: string;
  readonly replyTo: string;
  readonly payload: string;
}

const replyTtlMs = 30_000;

export function isFormerJob(job: CallJob | FormerJob): job is FormerJob {
  return Array.isArray(job.calls);
}

/** @param tag of the queue */
export function openFormerJob({ calls }: FormerJob, tag: string, commands: RedisClient, seal: Seal): OpenedCall[] {
  return calls.map(({ id, replyTo, payload, ...facts }) => ({
    call: {
      ...facts,
      id: 0,
      request: JSON.parse(seal.open(`${facts.name} ${id}`, payload)) as Calls[CallName]['request'],
    },
    async send(response) {
      const sealed = seal.seal(`reply ${id}`, JSON.stringify(response));
      // In this order: who is woken finds the reply.
      await Promise.all([
        commands.set(`${tag}:reply:${id}`, sealed, 'PX', replyTtlMs),
        commands.publish(`wafer:reply:${replyTo}`, `${id} ${sealed}`),
      ]);
    },
  }));
}
