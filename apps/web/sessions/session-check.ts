import type { CacheLookup, SessionCache } from '../../../shared/session/session-cache.ts';
import type { Session } from '../../../shared/session/session.ts';
import { hashSkey, maxCredentialLength } from '../../../shared/session/skey.ts';
import type { SessionConfirmer } from './session-confirmer.ts';
import type { SessionMemory } from './session-memory.ts';
import type { AppScope, SessionValidity } from './session-validity.ts';

/** Answers whether id and skey name a valid session. */
export interface SessionCheck {
  /**
   * At once, if this process remembers the session and it is valid.
   * @returns the session if it is valid at `nowSeconds`, undefined if it certainly is not
   * @throws {LookupUnavailableError} as a rejection, if no copy of the session can be read
   */
  findValid(
    id: unknown,
    skey: unknown,
    scope: AppScope,
    nowSeconds: number,
  ): Session | undefined | Promise<Session | undefined>;
}

/** Where a valid session was found, or that MySQL had to be asked. */
export type LookupResult = 'remembered' | 'cached' | 'confirmed';

/**
 * Four copies are asked in turn: this process's memory, the cache in Redis, MySQL, and, if no store can be asked, what
 * the memory held when it last was up to date. The first one that accepts decides; only MySQL refuses. What can't be in the
 * database is refused without asking.
 */
export function createSessionCheck(deps: {
  readonly validity: SessionValidity;
  readonly memory: SessionMemory;
  readonly cache: SessionCache;
  readonly confirmer: SessionConfirmer;
  readonly onLookup: (result: LookupResult) => void;
}): SessionCheck {
  const { validity, memory, cache, confirmer, onLookup } = deps;

  /** Another app's session goes the way of a wrong skey, so that the time does not tell that its skey is right. */
  const isAcceptedFor = (session: Session, skeyHash: string, scope: AppScope, nowSeconds: number): boolean =>
    validity.isAccepted(session, skeyHash, scope, nowSeconds) && validity.isFor(session, scope);

  const findInStores = async (
    id: string,
    skeyHash: string,
    scope: AppScope,
    nowSeconds: number,
  ): Promise<Session | undefined> => {
    const mark = memory.begin();
    const cached: CacheLookup | undefined = await cache.find(id).catch(() => undefined);
    if (cached?.session !== undefined && isAcceptedFor(cached.session, skeyHash, scope, nowSeconds)) {
      onLookup('cached');
      memory.remember(id, cached.session, mark);
      return cached.session;
    }
    onLookup('confirmed');
    let session: Session | undefined;
    try {
      session = await confirmer.confirm(id, skeyHash, cached, (found) => validity.isFor(found, scope));
    } catch (error) {
      // Only when both stores failed: if the cache answered, it is newer than the memory.
      const doubtful = cached === undefined ? memory.recallInDoubt(id) : undefined;
      if (doubtful === undefined || !isAcceptedFor(doubtful, skeyHash, scope, nowSeconds)) throw error;
      session = doubtful;
    }
    return session !== undefined && (await validity.isValid(session, skeyHash, scope, nowSeconds))
      ? session
      : undefined;
  };

  return {
    findValid(id, skey, scope, nowSeconds) {
      if (!isCredential(id) || !isCredential(skey)) return undefined;
      const skeyHash = hashSkey(skey);
      const remembered = memory.recall(id);
      if (remembered !== undefined && isAcceptedFor(remembered, skeyHash, scope, nowSeconds)) {
        onLookup('remembered');
        return remembered;
      }
      return findInStores(id, skeyHash, scope, nowSeconds);
    },
  };
}

/** Anything else can't be in the database. */
const credential = new RegExp(`^.{1,${maxCredentialLength}}$`, 'su');

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && credential.test(value);
}
