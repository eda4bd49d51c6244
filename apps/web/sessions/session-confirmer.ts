import { setTimeout } from 'node:timers/promises';
import type { CacheLookup, Seen, SessionCache } from '../../../shared/session/session-cache.ts';
import type { Session } from '../../../shared/session/session.ts';
import { LookupUnavailableError, type SessionLookups } from './session-lookups.ts';

/**
 * Asks MySQL where the cache does not know, or says no: a cached entry alone never refuses. For wrong skeys once per id and
 * second at most, so a flood of them for one id costs a statement a second.
 */
export interface SessionConfirmer {
  /**
   * The session as MySQL has it, for a caller who brings this skey.
   * @param accepts whether a session is valid for this skey, as far as can be told at once
   * @returns a session that is accepted, or one read after the call began; undefined if there is none
   * @throws {LookupUnavailableError}
   */
  confirm(
    id: string,
    skeyHash: string,
    cached: CacheLookup | undefined,
    accepts: (session: Session) => boolean,
  ): Promise<Session | undefined>;
  /** Forgets what was read. */
  forgetAll(): void;
  /** Forgets what was read of these. */
  forget(ids: readonly string[]): void;
}

interface Look {
  readonly startedAt: number;
  readonly session: Promise<Session | undefined>;
  /** Forgets it. */
  readonly timer: NodeJS.Timeout;
  /** The skey that was last refused by this look, to be refused again at once. */
  refused?: string;
  /** The look after this one, for all who were not satisfied by this one. */
  next?: Promise<Look>;
}

const spacingMs = 1000;
const maxWaiting = 10_000;

export function createSessionConfirmer(lookups: SessionLookups, cache: SessionCache): SessionConfirmer {
  let looks = new Map<string, Look>();
  let waiting = 0;

  const start = (id: string, cached: CacheLookup | undefined): Look => {
    const remembered = looks;
    const forgetLater = () => {
      if (remembered.get(id) === look && look.next === undefined) remembered.delete(id);
    };
    const timer = globalThis.setTimeout(forgetLater, spacingMs).unref();
    const look: Look = { startedAt: performance.now(), session: readAndFill(id, cached), timer };
    remembered.set(id, look);
    // A look that failed told nobody anything: the next caller may try at once.
    look.session.catch(() => {
      if (remembered.get(id) === look) remembered.delete(id);
    });
    return look;
  };

  /** Reads, and brings the cache up to date unless somebody changed the entry meanwhile. */
  const readAndFill = async (id: string, cached: CacheLookup | undefined): Promise<Session | undefined> => {
    const seen = await rightToFill(id, cached);
    const session = await lookups.find(id);
    if (seen !== undefined) {
      const change =
        session !== undefined ? cache.fill(id, seen, session) : cached?.seen !== undefined && cache.drop(id, seen);
      if (change !== false) await change.catch(() => undefined);
    }
    return session;
  };

  const rightToFill = async (id: string, cached: CacheLookup | undefined): Promise<Seen | undefined> => {
    if (cached === undefined) return undefined;
    if (cached.seen !== undefined) return cached.seen;
    return cached.session === undefined && cached.marked ? undefined : cache.lease(id).catch(() => undefined);
  };

  const startLater = async (id: string, after: Look): Promise<Look> => {
    await setTimeout(Math.max(after.startedAt + spacingMs - performance.now(), 0));
    return start(id, await cache.find(id).catch(() => undefined));
  };

  return {
    async confirm(id, skeyHash, cached, accepts) {
      const arrivedAt = performance.now();
      const isAccepted = (session: Session | undefined) => session !== undefined && accepts(session);
      const look = looks.get(id);
      if (look === undefined) return start(id, cached).session;
      // That look began before this caller came, and the row may have changed since: it can neither accept nor refuse.
      const session = await look.session;
      if (isAccepted(session)) {
        // The skey was right a moment ago: as a rule the look has filled the cache by now.
        const filled = cached === undefined ? undefined : await cache.find(id).catch(() => undefined);
        if (isAccepted(filled?.session)) return filled?.session;
        const latest = looks.get(id);
        return (latest !== undefined && latest.startedAt >= arrivedAt ? latest : start(id, filled)).session;
      }
      if (look.refused === skeyHash && performance.now() - look.startedAt < spacingMs) return session;
      if (waiting >= maxWaiting) throw new LookupUnavailableError('overloaded');
      waiting++;
      try {
        look.next ??= startLater(id, look);
        const next = await look.next;
        const later = await next.session;
        // Not at the first look: a row that the original has written since must not have to wait a second time.
        if (!isAccepted(later)) next.refused = skeyHash;
        return later;
      } finally {
        waiting--;
      }
    },
    forgetAll() {
      looks = new Map();
    },
    forget(ids) {
      for (const id of ids) {
        // It refers to the look.
        clearTimeout(looks.get(id)?.timer);
        looks.delete(id);
      }
    },
  };
}
