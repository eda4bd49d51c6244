import type { Session } from '../../../shared/session/session.ts';
import { isPlainId } from '../../../shared/session/skey.ts';
import { createSessionStore } from './session-store.ts';

/**
 * The sessions that this process checked lately, in front of Redis. It may accept, never refuse; every change of a session is
 * announced (see change-channel.ts), and while the channel of announcements is in doubt nothing is remembered.
 */
export interface SessionMemory {
  /** undefined if it is not known here, or nobody can say whether it still holds. */
  recall(id: string): Session | undefined;
  /** The same, whether or not it still holds: for a minute, when neither Redis nor MySQL can be asked. */
  recallInDoubt(id: string): Session | undefined;
  /** Taken before a session is read from Redis: what is announced meanwhile keeps the reply from being remembered. */
  begin(): ReadMark;
  remember(id: string, session: Session, mark: ReadMark): void;
  /** A session changed, or is about to. */
  forget(id: string): void;
  /** Announcements were missed: what was read before now does not count any more, except in doubt. */
  distrust(): void;
  /** Drops everything. */
  clear(): void;
}

type ReadMark = number & { readonly readMark: unique symbol };

/** Nothing is accepted from memory alone for longer, whatever was or was not announced. */
const maxAgeMs = 60_000;

/** Ids in a generation. What falls out of both was announced before the oldest read that can still be under way. */
const generationSize = 20_000;

/**
 * @param maxEntries three quarters of a kilobyte each; 0 remembers nothing
 * @param isTrusted whether every change would have been heard of by now
 */
export function createSessionMemory(maxEntries: number, isTrusted: () => boolean): SessionMemory {
  const entries = createSessionStore(Math.max(maxEntries, 1));
  /** Counts announcements; those since a read began may have been about what it brings. */
  let announcements = 0;
  /** Reads that began before this are not remembered. */
  let floor = 0;
  /** What was read before this counts no more: announcements were missed. */
  let trustedFrom = 0;
  /** When each id was last announced, for longer than any read takes; kept in two generations. */
  let lately = new Map<string, number>();
  let before = new Map<string, number>();

  const lastAnnounced = (id: string) => lately.get(id) ?? before.get(id) ?? 0;

  return {
    recall(id) {
      const place = entries.find(id);
      if (
        place < 0 ||
        entries.markOf(place) < trustedFrom ||
        performance.now() >= entries.untilOf(place) ||
        !isTrusted()
      )
        return undefined;
      return entries.read(place);
    },
    recallInDoubt(id) {
      const place = entries.find(id);
      return place >= 0 && performance.now() < entries.untilOf(place) ? entries.read(place) : undefined;
    },
    begin: () => announcements as ReadMark,
    remember(id, session, mark) {
      // Of an id that is not plain nobody may hear (change-channel.ts).
      if (maxEntries === 0 || !isPlainId(id)) return;
      if (!isTrusted() || mark < floor || lastAnnounced(id) > mark) return;
      // Announcements that had been heard when its read began are kept with it.
      entries.put(id, session, performance.now() + maxAgeMs, mark);
    },
    forget(id) {
      announcements++;
      entries.delete(id);
      lately.set(id, announcements);
      if (lately.size >= generationSize) {
        // Whoever began before the older generation can't be told any more.
        floor = Math.max(floor, oldestOf(lately));
        before = lately;
        lately = new Map();
      }
    },
    distrust() {
      trustedFrom = floor = ++announcements;
    },
    clear() {
      trustedFrom = floor = ++announcements;
      entries.clear();
    },
  };
}

function oldestOf(generation: ReadonlyMap<string, number>): number {
  return generation.values().next().value ?? 0;
}
