import type { Peer } from './places.ts';

/** What clients have sent and is not answered yet, of a whole process. */
export interface HeldBytes {
  /** @returns false if there is no room for them, or none for this address; then they are not held */
  hold(peer: Peer, bytes: number): boolean;
  release(peer: Peer, bytes: number): void;
}

/** Each connection may send so much, whatever the others hold: a usual request. */
export const alwaysHeldBytes = 4096;

/** One caller may hold a quarter of all, all strangers an eighth, and one stranger a quarter of that eighth. A proxy stands for many. */
export function createHeldBytes(most: number): HeldBytes {
  const mostOfStrangers = most / 8;
  const mostOfOne = { proxy: most, caller: most / 4, stranger: mostOfStrangers / 4 };
  let held = 0;
  let heldByStrangers = 0;
  return {
    hold(peer, bytes) {
      const isStranger = peer.standing === 'stranger';
      if (held + bytes > most || peer.heldBytes + bytes > mostOfOne[peer.standing]) return false;
      if (isStranger && heldByStrangers + bytes > mostOfStrangers) return false;
      held += bytes;
      peer.heldBytes += bytes;
      if (isStranger) heldByStrangers += bytes;
      return true;
    },
    release(peer, bytes) {
      held -= bytes;
      peer.heldBytes -= bytes;
      if (peer.standing === 'stranger') heldByStrangers -= bytes;
    },
  };
}
