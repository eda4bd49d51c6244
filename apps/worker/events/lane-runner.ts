import type { Sequelize } from 'sequelize';
import { movePlace, readLane } from '../../../shared/events/event-log.ts';
import { readWait } from '../../../shared/events/waiting.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { buryOld, isTooLate } from './bury-old.ts';
import type { Delivery } from './delivery.ts';
import type { EventDemand } from './demand.ts';
import type { InHand } from './in-hand.ts';

/** Up to the event that is waited for there are others only if somebody has moved the lane back. */
const eventsPerBatch = 20;

/**
 * Tries the event once more that a lane of an endpoint waits for. What comes after it is not for this job: with the lanes that do not wait
 * it is sent at less cost.
 * @returns the job of a lane; it throws if the endpoint did not take the event, which is to be tried again later
 */
export function createLaneRunner(deps: {
  readonly sequelize: Sequelize;
  readonly demand: EventDemand;
  readonly delivery: Delivery;
  readonly inHand: InHand;
  readonly metrics: WorkerMetrics;
  readonly signal: AbortSignal;
}): (name: string, lane: number) => Promise<void> {
  const { sequelize, demand, delivery, inHand, metrics, signal } = deps;
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
        await buryOld(sequelize, endpoint, lane, 'too late: the endpoint is too slow', metrics.buriedEvents);
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
