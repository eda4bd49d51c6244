import type { Peer } from './places.ts';

/** Shares the event loop among addresses: a flood from one of them takes its turn like everybody else. */
export interface Turns {
  /**
   * Does `work` now, if others do not wait for their turn, else when it is this address's.
   * @param work gives how many requests it was; what has ended by then gives 0
   */
  run(peer: Peer, work: () => number): void;
}

/** How much is begun at once, and when the next turn is: 0 is as soon as the event loop has read what else has come. */
export interface Pace {
  readonly requestsPerTurn: number;
  readonly everyMs: number;
}

export function createTurns({ requestsPerTurn, everyMs }: Pace): Turns {
  /** By address, in the order of their turns. */
  const queues = new Map<Peer, (() => number)[]>();
  let left = requestsPerTurn;
  let isArmed = false;

  const arm = (): void => {
    if (isArmed) return;
    isArmed = true;
    if (everyMs === 0) setImmediate(nextTurn);
    else setTimeout(nextTurn, everyMs).unref();
  };

  const nextTurn = (): void => {
    isArmed = false;
    left = requestsPerTurn;
    for (const [peer, works] of queues) {
      if (left <= 0) break;
      const work = works.shift();
      // To the end of the line; without more work it leaves it.
      queues.delete(peer);
      if (works.length > 0) queues.set(peer, works);
      if (work !== undefined) left -= work();
    }
    if (queues.size > 0) arm();
  };

  return {
    run(peer, work) {
      arm();
      const queue = queues.get(peer);
      if (queue !== undefined) queue.push(work);
      else if (left > 0) left -= work();
      else queues.set(peer, [work]);
    },
  };
}
