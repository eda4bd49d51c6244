import { setImmediate as nextTurn } from 'node:timers/promises';
import { waitAtMost } from '../../../shared/async/patience.ts';
import { movePlaces, readDueLanes, readLanes, type DueLane, type LaneEvent } from '../../../shared/events/event-log.ts';
import { isTooLate } from './bury-old.ts';
import type { LiveEndpoint, Refusal } from './delivery.ts';
import type { RunnerParts } from './runner-parts.ts';

/** A lane that was sent, and whose place is still to be written. */
interface SentLane {
  readonly endpoint: LiveEndpoint;
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly refused?: Refusal;
}

/** How many events of a lane may be sent twice if this process is killed. */
const eventsPerLane = 20;
/** So long the lanes that are through wait for the others of their round, whose places are written together. */
const roundMs = 50;
/** While requests are under way and nothing else is to be sent, it is looked so often whether there is something: the relay brings none sooner. */
const lookMs = 200;
/** Then another job goes on, in whichever worker. */
const runMs = 10_000;

/**
 * Sends what is due in the lanes of an endpoint that do not wait for an event to be taken. What they have in common is done once for all of
 * them: a round reads the next events of all lanes, and writes how far they came. A lane whose endpoint is slow is in its round as long as it
 * takes, and the others go on with the next one.
 * @returns the job of an endpoint; it throws if MySQL fails
 */
export function createEndpointRunner(parts: RunnerParts): (name: string) => Promise<void> {
  const { sequelize, demand, delivery, inHand, signal } = parts;

  /** @param sent gets each lane when it is through */
  const sendRound = (endpoint: LiveEndpoint, lanes: readonly DueLane[], sent: (lane: SentLane) => void) => {
    const target = delivery.targetOf(endpoint);
    const sendLane = async ({ lane, after: from }: DueLane, events: readonly LaneEvent[], turns: readonly number[]) => {
      const first = events[turns[0] ?? -1];
      if (first !== undefined && isTooLate(first)) {
        await delivery.buryLate(endpoint, lane);
        return sent({ endpoint, lane, from, to: from });
      }
      const { done, refused } = await delivery.sendBatch({ endpoint, target }, from, events, turns);
      sent({ endpoint, lane, from, to: done, ...(refused === undefined ? {} : { refused }) });
    };
    return inHand.hold(
      () => readLanes(sequelize, lanes, eventsPerLane),
      async (events) => {
        const turns = new Map<number, number[]>(lanes.map(({ lane }) => [lane, []]));
        for (const [index, { lane }] of events.entries()) turns.get(lane)?.push(index);
        const sending: Promise<void>[] = [];
        const failures: Error[] = [];
        for (const lane of lanes) {
          sending.push(
            sendLane(lane, events, turns.get(lane.lane) ?? []).catch((error: Error) => void failures.push(error)),
          );
          // A log-in that this process works on comes in between.
          await nextTurn();
        }
        // All of them, also if one fails: what is forgotten meanwhile is blank for as long as any is under way.
        await Promise.all(sending);
        if (failures[0] !== undefined) throw failures[0];
      },
    );
  };

  /** Writes how far lanes came, then which of them wait. */
  const settle = async (name: string, lanes: readonly SentLane[]): Promise<void> => {
    await movePlaces(
      sequelize,
      name,
      lanes.filter(({ from, to }) => to > from),
    );
    if (signal.aborted) return;
    await Promise.all(
      lanes.map(async ({ endpoint, lane, to, refused }) => {
        if (refused !== undefined) await delivery.noteRefusal(endpoint, lane, to, refused);
      }),
    );
  };

  return async (name) => {
    const startedAt = performance.now();
    const busy = new Set<number>();
    const rounds = new Set<Promise<void>>();
    const sent: SentLane[] = [];
    let onSent = (): void => undefined;
    const noteSent = (lane: SentLane) => {
      sent.push(lane);
      onSent();
    };
    const waitForLanes = async (isNewRound: boolean): Promise<void> => {
      const waitForAll = (ms: number) =>
        waitAtMost(
          ms,
          Promise.all(rounds).then(() => undefined),
          () => undefined,
        );
      if (!isNewRound && sent.length === 0) {
        const first = new Promise<void>((resolve) => (onSent = resolve));
        await Promise.race([first, waitForAll(lookMs)]);
        if (sent.length === 0) return;
      }
      await waitForAll(roundMs);
    };
    const settleSent = async () => {
      const lanes = [...sent];
      await settle(name, lanes);
      sent.splice(0, lanes.length);
      for (const { lane } of lanes) busy.delete(lane);
    };
    try {
      while (!signal.aborted) {
        const endpoint = (await demand.endpoints()).get(name);
        if (busy.size === 0 && (endpoint === undefined || performance.now() - startedAt > runMs)) return;
        const due = endpoint === undefined ? [] : await readDueLanes(sequelize, name);
        const lanes = due.filter(({ lane, waitsFor }) => waitsFor === undefined && !busy.has(lane));
        if (lanes.length === 0 && busy.size === 0) return;
        if (endpoint !== undefined && lanes.length > 0) {
          for (const { lane } of lanes) busy.add(lane);
          const round = sendRound(endpoint, lanes, noteSent);
          rounds.add(round);
          round.then(
            () => rounds.delete(round),
            () => undefined,
          );
        }
        await waitForLanes(lanes.length > 0);
        await settleSent();
      }
    } finally {
      // What has been taken is noted, also when this process stops or something fails.
      await Promise.allSettled(rounds);
      await settleSent();
    }
  };
}
