import type { CacheLookup, SessionCache } from '../../../shared/session/session-cache.ts';
import type { Session } from '../../../shared/session/session.ts';
import { hashSkey, maxCredentialLength } from '../../../shared/session/skey.ts';
import type { SessionConfirmer } from './session-confirmer.ts';
import type { SessionMemory } from './session-memory.ts';
import type { AppScope, Refusal, SessionValidity } from './session-validity.ts';
import { inSpan, ofMysql, ofRedis, type Span } from '../../../shared/tracing/span.ts';

/** Answers whether id and skey name a valid session. */
export interface SessionCheck {
  /**
   * At once, if this process remembers the session and it is valid.
   * @returns the session if it is valid at `nowSeconds`, or why it certainly is not
   * @throws {LookupUnavailableError} as a rejection, if no copy of the session can be read
   */
  findValid(
    id: unknown,
    skey: unknown,
    scope: AppScope,
    nowSeconds: number,
    span?: Span,
  ): Session | Refusal | Promise<Session | Refusal>;
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
  readonly onRefused: (refusal: Refusal) => void;
}): SessionCheck {
  const { validity, memory, cache, confirmer, onLookup, onRefused } = deps;

  const refuse = (refusal: Refusal): Refusal => {
    onRefused(refusal);
    return refusal;
  };

  const tell = (result: LookupResult, span: Span | undefined): void => {
    onLookup(result);
    if (span !== undefined) span.set({ 'wafer.lookup': result });
  };

  const readCache = (id: string, span: Span | undefined) =>
    span === undefined ? cache.find(id) : inSpan(span, 'GET session', 'client', ofRedis, () => cache.find(id));

  const findInStores = async (
    id: string,
    skeyHash: string,
    scope: AppScope,
    nowSeconds: number,
    span: Span | undefined,
  ): Promise<Session | Refusal> => {
    // Whatever speaks against a copy, it goes the same way, so that the time does not tell what it is.
    const isAccepted = (session: Session) => validity.isAccepted(session, skeyHash, scope, nowSeconds);
    const mark = memory.begin();
    const cached: CacheLookup | undefined = await readCache(id, span).catch(() => undefined);
    if (cached?.session !== undefined && isAccepted(cached.session)) {
      tell('cached', span);
      memory.remember(id, cached.session, mark);
      return cached.session;
    }
    tell('confirmed', span);
    let session: Session | undefined;
    try {
      const confirm = () => confirmer.confirm(id, skeyHash, cached, isAccepted);
      session = await inSpan(span, 'SELECT cSessionInfo', 'client', ofMysql, confirm);
    } catch (error) {
      // Only when both stores failed: if the cache answered, it is newer than the memory.
      const doubtful = cached === undefined ? memory.recallInDoubt(id) : undefined;
      if (doubtful === undefined || !isAccepted(doubtful)) throw error;
      session = doubtful;
    }
    if (session === undefined) return refuse('unknown');
    const refusal = await validity.findRefusal(session, skeyHash, scope, nowSeconds);
    return refusal === undefined ? session : refuse(refusal);
  };

  return {
    findValid(id, skey, scope, nowSeconds, span) {
      if (!isCredential(id) || !isCredential(skey)) return refuse('unknown');
      const skeyHash = hashSkey(skey);
      const remembered = memory.recall(id);
      if (remembered !== undefined && validity.isAccepted(remembered, skeyHash, scope, nowSeconds)) {
        tell('remembered', span);
        return remembered;
      }
      return findInStores(id, skeyHash, scope, nowSeconds, span);
    },
  };
}

/** In characters, of which one may be two of JavaScript's. */
const longCredential = new RegExp(`^.{1,${maxCredentialLength}}$`, 'su');

/** Anything else can't be in the database. */
function isCredential(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false;
  return value.length <= maxCredentialLength || longCredential.test(value);
}
