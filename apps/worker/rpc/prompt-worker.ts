import { Worker, type Job } from 'bullmq';
import type { CallJob } from '../../../shared/rpc/contract.ts';

/**
 * BullMQ looks for a second job before it starts the first: a round trip that all calls of the first wait for, and mostly for nothing.
 * Here the first starts at once. BullMQ leaves a marker with every job that it hands out, so its next wait ends at once, too, and
 * with it comes the second look.
 */
export class PromptWorker extends Worker<CallJob> {
  #hasJustGotOne = false;

  protected override async moveToActive(token: string, name?: string): Promise<Job<CallJob>> {
    const isSecondLook = this.#hasJustGotOne;
    this.#hasJustGotOne = false;
    const job = isSecondLook ? await this.nextJobFromJobData() : await super.moveToActive(token, name);
    this.#hasJustGotOne = job !== undefined;
    return job;
  }

  /** Asked for before each wait. What a marker has announced is always looked for: nobody else would be woken for it. */
  protected override getBlockTimeout(blockUntil: number): number {
    this.#hasJustGotOne = false;
    return super.getBlockTimeout(blockUntil);
  }
}
