import { isWithinLimits, type SessionLimits } from '../../../shared/session/expiry.ts';
import type { Apps } from '../../../shared/session/app-settings.ts';
import type { CacheLookup, SessionCache } from '../../../shared/session/session-cache.ts';
import type { Session } from '../../../shared/session/session.ts';
import { equalHash, hashSkey, maxCredentialLength } from '../../../shared/session/skey.ts';
import type { VisitLog } from '../../../shared/session/visit-log.ts';
import type { SessionConfirmer } from './session-confirmer.ts';
import { applyVisit, type VisitCollector } from './visit-collector.ts';

/** Answers whether id and skey name a valid session: from the cache as a rule, from MySQL where that says no. */
export interface SessionCheck {
  /**
   * @returns the session if it is valid at `nowSeconds`, undefined if it certainly is not
   * @throws {LookupUnavailableError} if no copy of the session can be read
   */
  findValid(id: unknown, skey: unknown, apps: Apps, nowSeconds: number): Promise<Session | undefined>;
}

/** While visits may have been lost on their way to MySQL, a session may live this much too long, never shorter (PROTOCOL.md, 3). */
const lostVisitsSlackSeconds = 9;

export function createSessionCheck(parts: {
  readonly cache: SessionCache;
  readonly confirmer: SessionConfirmer;
  readonly visits: VisitCollector;
  readonly visitLog: VisitLog;
  readonly onLookup: (result: 'cached' | 'confirmed') => void;
}): SessionCheck {
  const { cache, confirmer, visits, visitLog, onLookup } = parts;

  /** With the visits that this process knows of, then with those that others have on their way to MySQL. */
  const isLive = async (session: Session, limits: SessionLimits, nowSeconds: number): Promise<boolean> => {
    if (isLiveHere(session, limits, nowSeconds)) return true;
    // Too old for any visit to help.
    if (!isWithinLimits({ ...session, lastVisitTime: nowSeconds }, limits, nowSeconds)) return false;
    const underway = await visitLog
      .read([session.row])
      .catch(() => ({ complete: false, visits: new Map<number, never>() }));
    const visited = applyVisit(session, underway.visits.get(session.row));
    return isWithinLimits(visited, limits, nowSeconds, underway.complete ? 0 : lostVisitsSlackSeconds);
  };

  const isLiveHere = (session: Session, limits: SessionLimits, nowSeconds: number): boolean =>
    isWithinLimits(applyVisit(session, visits.latest(session.row)), limits, nowSeconds);

  return {
    async findValid(id, skey, apps, nowSeconds) {
      if (!isCredential(id) || !isCredential(skey)) return undefined;
      const skeyHash = hashSkey(skey);
      const cached: CacheLookup | undefined = await cache.find(id).catch(() => undefined);
      if (
        cached?.session !== undefined &&
        equalHash(cached.session.skeyHash, skeyHash) &&
        isLiveHere(cached.session, limitsOf(cached.session, apps), nowSeconds)
      ) {
        onLookup('cached');
        return cached.session;
      }
      onLookup('confirmed');
      const session = await confirmer.confirm(id, skeyHash, cached);
      if (session === undefined || !equalHash(session.skeyHash, skeyHash)) return undefined;
      return (await isLive(session, limitsOf(session, apps), nowSeconds)) ? session : undefined;
    },
  };
}

/** Anything else can't be in the database. */
const credential = new RegExp(`^.{1,${maxCredentialLength}}$`, 'su');

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && credential.test(value);
}

const neverLive: SessionLimits = { loginDurationDays: -1, sessionDurationSeconds: -1 };

/** A session lives by its own app's settings; one without an app, or whose app is gone, by those of the default app. */
function limitsOf(session: Session, apps: Apps): SessionLimits {
  return apps.byAppid.get(session.appid) ?? apps.default ?? neverLive;
}
