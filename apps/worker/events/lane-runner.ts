import { movePlace, readLane } from '../../../shared/events/event-log.ts';
import { readWait } from '../../../shared/events/waiting.ts';
import { isTooLate } from './bury-old.ts';
import type { RunnerParts } from './runner-parts.ts';

/** Up to the event that is waited for there are others only if somebody has moved the lane back. */
const eventsPerBatch = 20;

/**
 * Tries the event once more that a lane of an endpoint waits for. What comes after it is not for this job: with the lanes that do not wait
 * it is sent at less cost.
 * @returns the job of a lane; it throws if the endpoint did not take the event, which is to be tried again later
 */
export function createLaneRunner(parts: RunnerParts): (name: string, lane: number) => Promise<void> {
  const { sequelize, demand, delivery, inHand, signal } = parts;
  return async (name, lane) => {
    while (!signal.aborted) {
      const endpoint = (await demand.endpoints()).get(name);
      const wait = await readWait(sequelize, name, lane);
      if (endpoint === undefined || wait === undefined) return;
      const { after: from, waitsFor } = wait;
      const step = await inHand.hold(
        () => readLane(sequelize, lane, from, eventsPerBatch),
        async (events) => {
          const [first] = events;
          // It is kept no longer.
          if (first === undefined || first.id > waitsFor) return { done: waitsFor };
          if (isTooLate(first)) return 'late';
          const turns = events.flatMap(({ id }, index) => (id <= waitsFor ? [index] : []));
          return delivery.sendBatch({ endpoint, target: delivery.targetOf(endpoint) }, from, events, turns);
        },
      );
      if (step === 'late') {
        await delivery.buryLate(endpoint, lane);
        continue;
      }
      const { done, refused } = { refused: undefined, ...step };
      if (done > from) await movePlace(sequelize, { endpoint: name, lane, from, to: done });
      if (refused === undefined) continue;
      if (signal.aborted) return;
      await delivery.noteRefusal(endpoint, lane, done, refused);
      // Buried, or skipped by somebody meanwhile: the next one need not wait.
      if ((await readWait(sequelize, name, lane)) === undefined) return;
      throw new Error(refused.failure);
    }
  };
}
