import { setTimeout } from 'node:timers/promises';
import type { Sequelize } from 'sequelize';
import { isWanted, type EventFilter, type StoredEvent } from '../../../shared/events/event.ts';
import { readEventBounds, readEventsAfter } from '../../../shared/events/event-log.ts';
import { ApiProblem } from '../api/problem.ts';
import { createOwnPlaces } from '../own-places.ts';
import type { StreamDemand } from './stream-demand.ts';

/** What a reader of the stream gets. `at`: where it is; from there it may go on. */
export type TailItem =
  | { readonly kind: 'ready' | 'gap'; readonly at: number }
  | { readonly kind: 'event'; readonly event: StoredEvent };

/** Events as they happen, for those who can't be sent any. */
export interface EventTail {
  /**
   * @param operatorId who reads
   * @param after the last event that the reader knows; undefined: it wants what comes from now on
   * @throws {ApiProblem} 503 streams_too_many, 429 own_streams_too_many
   */
  follow(
    operatorId: number,
    after: number | undefined,
    filter: EventFilter,
    signal: AbortSignal,
  ): AsyncIterable<TailItem>;
}

const pollMs = 300;
const eventsPerRead = 200;
/** Each reads for itself. */
const maxReaders = 32;
/** Of one operator, so that one leaves places for others: as many tabs, or consumers of one token. */
const maxOwnReaders = 8;

export function createEventTail(sequelize: Sequelize, demand: StreamDemand): EventTail {
  const readers = createOwnPlaces(maxOwnReaders, `You read this stream ${maxOwnReaders} times already.`);
  /** One look for all readers at how far the events have come. */
  let look: Promise<number> | undefined;
  const lookLater = (): Promise<number> =>
    (look ??= setTimeout(pollMs)
      .then(async () => (await readEventBounds(sequelize)).last)
      .finally(() => (look = undefined)));

  /** Where a reader begins, and whether it may have missed something before. */
  const findStart = async (after: number | undefined): Promise<TailItem & { kind: 'ready' | 'gap' }> => {
    const since = await demand.keep();
    const { first, last } = await readEventBounds(sequelize);
    if (after === undefined) return { kind: 'ready', at: last };
    const isWhole = after >= since && after >= first - 1 && after <= last;
    return isWhole ? { kind: 'ready', at: after } : { kind: 'gap', at: last };
  };

  return {
    async *follow(operatorId, after, filter, signal) {
      const leave = readers.take(operatorId);
      try {
        if (readers.count() > maxReaders)
          throw new ApiProblem(503, 'streams_too_many', `There are ${maxReaders} readers of this stream already.`);
        const start = await findStart(after);
        yield start;
        let { at } = start;
        while (!signal.aborted) {
          const end = await lookLater();
          await demand.keep();
          while (at < end && !signal.aborted) {
            const events = await readEventsAfter(sequelize, at, eventsPerRead);
            for (const event of events) if (isWanted(filter, event)) yield { kind: 'event', event };
            at = events.at(-1)?.id ?? end;
          }
        }
      } finally {
        leave();
      }
    },
  };
}
