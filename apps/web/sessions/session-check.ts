import { setTimeout } from 'node:timers/promises';
import { isWithinLimits, type SessionLimits } from '../../../shared/session/expiry.ts';
import { belongsTo, type Apps } from '../../../shared/session/app-settings.ts';
import type { CacheLookup, SessionCache } from '../../../shared/session/session-cache.ts';
import { acceptsSkey, type Session } from '../../../shared/session/session.ts';
import { hashSkey, maxCredentialLength } from '../../../shared/session/skey.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { VisitLog } from '../../../shared/session/visit-log.ts';
import type { SessionConfirmer } from './session-confirmer.ts';
import type { SessionMemory } from './session-memory.ts';
import { applyVisit, visitFlushMs, type VisitCollector } from './visit-collector.ts';

/** Answers whether id and skey name a valid session: from the cache as a rule, from MySQL where that says no. */
export interface SessionCheck {
  /**
   * @returns the session if it is valid at `nowSeconds`, undefined if it certainly is not
   * @throws {LookupUnavailableError} if no copy of the session can be read
   */
  findValid(id: unknown, skey: unknown, scope: AppScope, nowSeconds: number): Promise<Session | undefined>;
  /** At once, from this process's memory: the session if it is certainly valid; undefined if that has to be asked. */
  recallValid(id: unknown, skey: unknown, scope: AppScope, nowSeconds: number): Session | undefined;
}

/** The configured apps, and the one that the request names, if it does: then sessions of others are not valid for it. */
interface AppScope {
  readonly apps: Apps;
  readonly named?: App;
}

/** Where a valid session was found, or that MySQL had to be asked. */
export type LookupResult = 'remembered' | 'cached' | 'confirmed';

/**
 * While visits may have been lost on their way to MySQL, a session may live this much too long, never shorter
 * (docs/protocol.md#valid).
 */
const lostVisitsSlackSeconds = 9;
/** From a flush of another front end until its visits can be read. */
const settleMs = 50;

export function createSessionCheck(parts: {
  readonly cache: SessionCache;
  readonly confirmer: SessionConfirmer;
  readonly visits: VisitCollector;
  readonly visitLog: VisitLog;
  readonly memory: SessionMemory;
  readonly onLookup: (result: LookupResult) => void;
}): SessionCheck {
  const { cache, confirmer, visits, visitLog, memory, onLookup } = parts;

  /** With the visits that this process knows of, then with those that others have on their way to MySQL. */
  const isLive = async (session: Session, limits: SessionLimits, nowSeconds: number): Promise<boolean> => {
    if (isLiveHere(session, limits, nowSeconds)) return true;
    // Too old for any visit to help.
    if (!isWithinLimits({ ...session, lastVisitTime: nowSeconds }, limits, nowSeconds)) return false;
    const isLiveByLog = async (slackSeconds: number): Promise<boolean> => {
      const { complete, visits: found } = await visitLog
        .read([session.row])
        .catch(() => ({ complete: false, visits: new Map<number, never>() }));
      const visited = applyVisit(session, found.get(session.row));
      return isWithinLimits(visited, limits, nowSeconds, complete ? slackSeconds : lostVisitsSlackSeconds);
    };
    if (await isLiveByLog(0)) return true;
    // It ended this very second. Another front end may have accepted it in the second before, and not told anybody yet.
    if (!(await isLiveByLog(1))) return false;
    await setTimeout(visitFlushMs + settleMs);
    return isLiveByLog(0);
  };

  const isLiveHere = (session: Session, limits: SessionLimits, nowSeconds: number): boolean =>
    // A visit makes a session live longer, never shorter: as a rule nobody has to look for it.
    isWithinLimits(session, limits, nowSeconds) ||
    isWithinLimits(applyVisit(session, visits.latest(session.row)), limits, nowSeconds);

  const isAccepted = (session: Session, skeyHash: string, { apps }: AppScope, nowSeconds: number): boolean =>
    acceptsSkey(session, skeyHash, nowSeconds) && isLiveHere(session, limitsOf(session, apps), nowSeconds);

  const isFor = (session: Session, { apps, named }: AppScope) => named === undefined || belongsTo(session, named, apps);

  /** What MySQL says; if it can't be asked either, what this process remembers, for a minute. */
  const confirm = async (
    id: string,
    skeyHash: string,
    cached: CacheLookup | undefined,
    scope: AppScope,
    nowSeconds: number,
  ): Promise<Session | undefined> => {
    try {
      return await confirmer.confirm(id, skeyHash, cached);
    } catch (error) {
      const session = cached === undefined ? memory.recallInDoubt(id) : undefined;
      if (session !== undefined && isAccepted(session, skeyHash, scope, nowSeconds)) return session;
      throw error;
    }
  };

  return {
    recallValid(id, skey, scope, nowSeconds) {
      if (!isCredential(id) || !isCredential(skey)) return undefined;
      const session = memory.recall(id);
      if (session === undefined || !isAccepted(session, hashSkey(skey), scope, nowSeconds)) return undefined;
      if (!isFor(session, scope)) return undefined;
      onLookup('remembered');
      return session;
    },
    async findValid(id, skey, scope, nowSeconds) {
      if (!isCredential(id) || !isCredential(skey)) return undefined;
      const { apps } = scope;
      const skeyHash = hashSkey(skey);
      const mark = memory.begin();
      const cached: CacheLookup | undefined = await cache.find(id).catch(() => undefined);
      if (cached?.session !== undefined && isAccepted(cached.session, skeyHash, scope, nowSeconds)) {
        onLookup('cached');
        memory.remember(id, cached.session, mark);
        return isFor(cached.session, scope) ? cached.session : undefined;
      }
      onLookup('confirmed');
      const session = await confirm(id, skeyHash, cached, scope, nowSeconds);
      if (session === undefined || !acceptsSkey(session, skeyHash, nowSeconds) || !isFor(session, scope))
        return undefined;
      return (await isLive(session, limitsOf(session, apps), nowSeconds)) ? session : undefined;
    },
  };
}

/** Anything else can't be in the database. */
const credential = new RegExp(`^.{1,${maxCredentialLength}}$`, 'su');

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && credential.test(value);
}

const neverLive: SessionLimits = { loginDurationDays: -1, sessionDurationSeconds: -1, revokedBeforeUs: 0 };

/** A session lives by its own app's settings; one without an app, or whose app is gone, by those of the default app. */
function limitsOf(session: Session, apps: Apps): SessionLimits {
  return apps.byAppid.get(session.appid) ?? apps.default ?? neverLive;
}
