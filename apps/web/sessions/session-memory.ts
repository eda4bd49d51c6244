import { forgetsAloneAfterMs } from '../../../shared/redis/presence.ts';
import type { Session } from '../../../shared/session/session.ts';
import { isPlainId } from '../../../shared/session/skey.ts';
import { createSessionStore } from './session-store.ts';

/**
 * The sessions that this process checked lately, in front of Redis. It may accept, never refuse; every change of a session is
 * announced (see change-channel.ts), and while the channel of announcements is in doubt `recall` gives nothing.
 */
export interface SessionMemory {
  /** undefined if it is not known here, or nobody can say whether it still holds. */
  recall(id: string): Session | undefined;
  /** What {@link recall} would have said when changes were last heard of, for a minute: when neither Redis nor MySQL can be asked. */
  recallInDoubt(id: string): Session | undefined;
  /** Taken before a session is read from Redis: what is announced meanwhile keeps the reply from being remembered. */
  begin(): ReadMark;
  remember(id: string, session: Session, mark: ReadMark): void;
  /** A session changed, or is about to. */
  forget(id: string): void;
  /** Announcements were missed: what was read before now does not count any more, except in doubt. */
  distrust(): void;
  /** Drops these, and that they were ever heard of. */
  erase(ids: readonly string[]): void;
  /** Drops everything. */
  clear(): void;
  /** To be called now and then: drops everything once changes have not been heard of for so long that nothing counts any more. */
  tidy(): void;
  size(): number;
}

type ReadMark = number & { readonly readMark: unique symbol };

/** A session is read again after this time, whatever was or was not announced. */
const usualMaxAgeMs = 600_000;

/** Ids in a generation. A read that began before both generations is not remembered (`floor`). */
const generationSize = 20_000;

/**
 * @param maxEntries three quarters of a kilobyte each; 0 remembers nothing
 * @param isTrusted whether every change would have been heard of by now
 */
export function createSessionMemory(
  maxEntries: number,
  isTrusted: () => boolean,
  { maxAgeMs = usualMaxAgeMs, nowMs = () => performance.now() } = {},
): SessionMemory {
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

  /** When changes were last heard of, and what counted then. */
  let trustedAt = Number.NEGATIVE_INFINITY;
  let trustedThen = 0;

  const lastAnnounced = (id: string) => lately.get(id) ?? before.get(id) ?? 0;
  const dropAll = () => {
    // What has been announced since a read began is not known any more.
    floor = announcements;
    entries.clear();
    lately = new Map();
    before = new Map();
  };
  const isTrustedAt = (now: number): boolean => {
    if (!isTrusted()) return false;
    trustedAt = now;
    // An order to forget may have been missed, and of what is here nothing counts.
    if (trustedThen !== trustedFrom) dropAll();
    trustedThen = trustedFrom;
    return true;
  };

  return {
    recall(id) {
      const place = entries.find(id);
      const now = nowMs();
      if (place < 0 || now >= entries.untilOf(place) || !isTrustedAt(now) || entries.markOf(place) < trustedFrom)
        return undefined;
      return entries.read(place);
    },
    recallInDoubt(id) {
      const place = entries.find(id);
      const now = nowMs();
      const isLate = now >= trustedAt + forgetsAloneAfterMs || (place >= 0 && now >= entries.untilOf(place));
      return place < 0 || isLate || entries.markOf(place) < trustedThen ? undefined : entries.read(place);
    },
    begin: () => announcements as ReadMark,
    remember(id, session, mark) {
      // Of an id that is not plain nobody may hear (change-channel.ts).
      if (maxEntries === 0 || !isPlainId(id)) return;
      const now = nowMs();
      if (!isTrustedAt(now) || mark < floor || lastAnnounced(id) > mark) return;
      // Announcements that had been heard when its read began are kept with it.
      entries.put(id, session, now + maxAgeMs, mark);
    },
    forget(id) {
      announcements++;
      entries.delete(id);
      lately.set(id, announcements);
      if (lately.size >= generationSize) {
        // A read that began before the older generation can't be told apart any more.
        floor = Math.max(floor, oldestOf(lately));
        before = lately;
        lately = new Map();
      }
    },
    erase(ids) {
      // Instead of when each was announced: what is being read now is not remembered.
      floor = ++announcements;
      for (const id of ids) {
        entries.delete(id);
        lately.delete(id);
        before.delete(id);
      }
    },
    distrust() {
      trustedFrom = floor = ++announcements;
    },
    clear() {
      trustedFrom = ++announcements;
      dropAll();
    },
    tidy() {
      const now = nowMs();
      const isOver = !isTrustedAt(now) && now >= trustedAt + forgetsAloneAfterMs;
      if (isOver && entries.size() + lately.size + before.size > 0) dropAll();
    },
    size: () => entries.size(),
  };
}

function oldestOf(generation: ReadonlyMap<string, number>): number {
  return generation.values().next().value ?? 0;
}
