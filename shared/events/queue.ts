import type { Queue } from 'bullmq';
import type { RedisClient } from '../redis/connect.ts';
import { openQueue } from '../redis/open-queue.ts';

/** Name and prefix of BullMQ's keys; one slot of a cluster. Jobs say which lane of which endpoint is due; what is sent is in MySQL. */
export const eventsQueue = 'events';
export const eventsPrefix = '{wafer:events}';

/**
 * Who sends what of an endpoint, however much there is.
 * - `all`: the lanes whose events it takes, side by side, each in its order
 * - a number: a lane that waits for an event to be taken, until it is
 * - `dead`: letters that are sent again
 */
export interface EventsJob {
  readonly endpoint: string;
  readonly lane: number | 'all' | 'dead';
}

export const jobIdOf = ({ endpoint, lane }: EventsJob): string => `${endpoint}/${lane}`;

export const openEventsQueue = (commands: RedisClient): Promise<Queue<EventsJob>> =>
  openQueue(commands, eventsQueue, eventsPrefix);

/** Lanes that wait for their next attempt make it now. */
export async function hurryEvents(commands: RedisClient, endpoint: string): Promise<void> {
  const queue = await openEventsQueue(commands);
  for (const job of await queue.getDelayed())
    if (job.data.endpoint === endpoint) await job.promote().catch(() => undefined);
}
