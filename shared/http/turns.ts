import type { Peer } from './places.ts';

/** Shares the event loop among addresses: a flood from one of them takes its turn like everybody else. */
export interface Turns {
  /**
   * Does `work` now, if others do not wait for their turn, else when it is this address's.
   * @param work gives how many requests it was; what has ended by then gives 0
   */
  run(peer: Peer, work: () => number): void;
  /** A small request of this address need not wait for a turn: nobody waits for one, and it had few since the last. */
  isFree(peer: Peer): boolean;
}

/** So many small requests of an address cost no turn. */
const freePerTurn = 64;
/** About as much work as one request that Node reads, if they are the keys and values of a costly body. */
const bytesPerRequest = 2048;

/** What a request of this size costs, in requests. */
export const costOfBytes = (bytes: number): number => Math.ceil(bytes / bytesPerRequest);

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
  let turn = 0;

  const arm = (): void => {
    if (isArmed) return;
    isArmed = true;
    if (everyMs === 0) setImmediate(nextTurn);
    else setTimeout(nextTurn, everyMs).unref();
  };

  const nextTurn = (): void => {
    isArmed = false;
    left = requestsPerTurn;
    turn++;
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
    isFree(peer) {
      if (queues.size > 0) return false;
      if (peer.turn !== turn) {
        peer.turn = turn;
        peer.inTurn = 0;
      }
      return ++peer.inTurn <= freePerTurn;
    },
  };
}
