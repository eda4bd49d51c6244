import { isWithinLimits, type SessionLimits } from '../../../shared/session/expiry.ts';
import { belongsTo, type Apps } from '../../../shared/session/app-settings.ts';
import type { CacheLookup, SessionCache } from '../../../shared/session/session-cache.ts';
import { acceptsSkey, type Session } from '../../../shared/session/session.ts';
import { hashSkey, maxCredentialLength } from '../../../shared/session/skey.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { VisitLog } from '../../../shared/session/visit-log.ts';
import type { SessionConfirmer } from './session-confirmer.ts';
import { applyVisit, type VisitCollector } from './visit-collector.ts';

/** Answers whether id and skey name a valid session: from the cache as a rule, from MySQL where that says no. */
export interface SessionCheck {
  /**
   * @returns the session if it is valid at `nowSeconds`, undefined if it certainly is not
   * @throws {LookupUnavailableError} if no copy of the session can be read
   */
  findValid(id: unknown, skey: unknown, scope: AppScope, nowSeconds: number): Promise<Session | undefined>;
}

/** The configured apps, and the one that the request names, if it does: then sessions of others are not valid for it. */
export interface AppScope {
  readonly apps: Apps;
  readonly named?: App;
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
    async findValid(id, skey, { apps, named }, nowSeconds) {
      if (!isCredential(id) || !isCredential(skey)) return undefined;
      const isFor = (session: Session) => named === undefined || belongsTo(session, named, apps);
      const skeyHash = hashSkey(skey);
      const cached: CacheLookup | undefined = await cache.find(id).catch(() => undefined);
      if (
        cached?.session !== undefined &&
        acceptsSkey(cached.session, skeyHash, nowSeconds) &&
        isLiveHere(cached.session, limitsOf(cached.session, apps), nowSeconds)
      ) {
        onLookup('cached');
        return isFor(cached.session) ? cached.session : undefined;
      }
      onLookup('confirmed');
      const session = await confirmer.confirm(id, skeyHash, cached);
      if (session === undefined || !acceptsSkey(session, skeyHash, nowSeconds) || !isFor(session)) return undefined;
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
