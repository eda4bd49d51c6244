import { setTimeout } from 'node:timers/promises';
import { belongsTo, type Apps } from '../../../shared/session/app-settings.ts';
import { endReasons, findEnd } from '../../../shared/session/ended-skeys.ts';
import { findPassedLimit, isWithinLimits, type SessionLimits } from '../../../shared/session/expiry.ts';
import { acceptsSkey, type Session } from '../../../shared/session/session.ts';
import { maxInLogSeconds, type VisitLog } from '../../../shared/session/visit-log.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import { applyVisit, visitFlushMs, type VisitCollector } from './visit-collector.ts';

/** The configured apps, and the one that the request names, if it does: then sessions of others are not valid for it. */
export interface AppScope {
  readonly apps: Apps;
  readonly named?: App;
}

/**
 * Why a session is not valid, as far as the skey proves that it was this client's.
 * - `app_removed`: its app is not configured any more
 * - `unknown`: the skey proves nothing
 */
export const refusals = [...endReasons, 'app_removed', 'unknown'] as const;
export type Refusal = (typeof refusals)[number];

/** Whether a copy of a session accepts a request. */
export interface SessionValidity {
  /**
   * With the visits that this process knows of. No is not the last word: the copy, or what is known of its visits, may
   * be old.
   */
  isAccepted(session: Session, skeyHash: string, scope: AppScope, nowSeconds: number): boolean;
  /**
   * The last word on a session as MySQL has it: also with the visits that others have on their way there.
   * @returns undefined if it is valid
   */
  findRefusal(session: Session, skeyHash: string, scope: AppScope, nowSeconds: number): Promise<Refusal | undefined>;
}

/** From a flush of another front end until its visits can be read. */
const settleMs = 50;

export function createSessionValidity(visits: VisitCollector, visitLog: VisitLog): SessionValidity {
  const isLiveHere = (session: Session, limits: SessionLimits, nowSeconds: number): boolean =>
    // A visit makes a session live longer, never shorter: as a rule nobody has to look for it.
    isWithinLimits(session, limits, nowSeconds) ||
    isWithinLimits(applyVisit(session, visits.latest(session.row)), limits, nowSeconds);

  const isLive = async (session: Session, limits: SessionLimits, nowSeconds: number): Promise<boolean> => {
    if (isLiveHere(session, limits, nowSeconds)) return true;
    // Too old for any visit to help.
    if (!isWithinLimits({ ...session, lastVisitTime: nowSeconds }, limits, nowSeconds)) return false;
    const isLiveByLog = async (slackSeconds: number): Promise<boolean> => {
      const { complete, visits: found } = await visitLog
        .read([session.row])
        .catch(() => ({ complete: false, visits: new Map<number, never>() }));
      const visited = applyVisit(session, found.get(session.row));
      // While visits may have been lost a session may live this much too long, never shorter (docs/protocol.md#valid).
      return isWithinLimits(visited, limits, nowSeconds, complete ? slackSeconds : maxInLogSeconds);
    };
    if (await isLiveByLog(0)) return true;
    // It ended this very second. Another front end may have accepted it in the second before, and not told anybody yet.
    if (!(await isLiveByLog(1))) return false;
    await setTimeout(visitFlushMs + settleMs);
    return isLiveByLog(0);
  };

  const whyOver = (session: Session, limits: SessionLimits | undefined): Refusal =>
    limits === undefined ? 'app_removed' : findPassedLimit(applyVisit(session, visits.latest(session.row)), limits);

  /** Where no app is named every session is meant. */
  const isFor = (session: Session, { apps, named }: AppScope) => named === undefined || belongsTo(session, named, apps);

  return {
    // Visits are looked for whatever the skey is, and first: how long a refusal takes does not tell that an skey was right.
    isAccepted: (session, skeyHash, scope, nowSeconds) =>
      isLiveHere(session, limitsOf(session, scope.apps) ?? neverLive, nowSeconds) &&
      acceptsSkey(session, skeyHash, nowSeconds) &&
      isFor(session, scope),
    async findRefusal(session, skeyHash, scope, nowSeconds) {
      // The same work for a guess as for an skey that is right or was.
      const limits = limitsOf(session, scope.apps);
      const over = (await isLive(session, limits ?? neverLive, nowSeconds)) ? undefined : whyOver(session, limits);
      const end = findEnd(session.endedSkeys, skeyHash, nowSeconds);
      if (!isFor(session, scope)) return 'unknown';
      return acceptsSkey(session, skeyHash, nowSeconds) ? over : (end ?? 'unknown');
    },
  };
}

const neverLive: SessionLimits = { loginDurationDays: -1, sessionDurationSeconds: -1, revokedBeforeUs: 0 };

/** A session lives by its own app's settings, one without an app by those of the default app. With its app it ends. */
function limitsOf(session: Session, apps: Apps): SessionLimits | undefined {
  return apps.limits.get(session.appid);
}
