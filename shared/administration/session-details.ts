import { ConfigError } from '../config/config.ts';
import { findPassedLimit, isWithinLimits, type PassedLimit } from '../session/expiry.ts';
import { toApps, type Apps } from '../session/app-settings.ts';
import { createSessionCache, type SessionCache } from '../session/session-cache.ts';
import { createVisitLog, type VisitLog } from '../session/visit-log.ts';
import { nowSeconds } from '../session/wall-clock.ts';
import { readApps } from '../store/app-reader.ts';
import { AdministrationFailure } from './failure.ts';
import { getSessions, type SessionSelector, type StoredSession } from './sessions.ts';
import { stateOf, type SessionState } from './session-state.ts';
import type { OpenDatabase, UseRedis } from './stores.ts';

/** What Redis knows of a session beside its row. */
export interface SessionInRedis {
  /**
   * `same`: the entry has the skey of the row; `differs`: it has another, so the next check reads MySQL;
   * `changing`: somebody writes or reads the row just now; `none`; `unknown`: Redis does not answer
   */
  readonly cached: 'same' | 'differs' | 'changing' | 'none' | 'unknown';
  /** Seconds since 1970: the last visit, if it is on its way to MySQL. */
  readonly pendingVisitTime?: number;
}

/** A session with what follows from its app's settings and from Redis. Times are seconds since 1970. */
export interface SessionDetails extends SessionInRedis {
  readonly session: StoredSession;
  readonly state: SessionState;
  /** The app whose settings count for it; undefined if that is not there. */
  readonly limitsOf: string | undefined;
  /** When it ends if nobody visits. */
  readonly expiresAt: number | undefined;
  /** When it ended, if it has; undefined too where nobody knows. */
  readonly endedAt: number | undefined;
  /** Which limit it is beyond, whatever else has become of it. */
  readonly passed: PassedLimit | undefined;
}

/** Everything about sessions but their secrets; without Redis the database has the most of it. @throws {AdministrationFailure} session_unknown */
export async function showSessions(
  database: OpenDatabase,
  useRedis: UseRedis,
  selector: SessionSelector,
): Promise<SessionDetails[]> {
  const sessions = await getSessions(database, selector);
  const inRedis = await readRedis(useRedis, sessions);
  const apps = toApps(await readApps(database.appInfo));
  return sessions.map((session, index) => detail(session, inRedis[index] ?? { cached: 'unknown' }, apps, nowSeconds()));
}

async function readRedis(useRedis: UseRedis, sessions: readonly StoredSession[]): Promise<SessionInRedis[]> {
  try {
    return await useRedis(({ commands, cacheRedis }) => {
      const cache = createSessionCache(cacheRedis);
      const visitLog = createVisitLog(commands);
      return Promise.all(sessions.map((session) => lookIntoRedis(cache, visitLog, session)));
    });
  } catch (error) {
    if (error instanceof AdministrationFailure || error instanceof ConfigError) return [];
    throw error;
  }
}

async function lookIntoRedis(
  cache: SessionCache,
  visitLog: VisitLog,
  { id, row, skeyHash }: StoredSession,
): Promise<SessionInRedis> {
  const [entry, { visits }] = await Promise.all([cache.find(id), visitLog.read([row])]);
  const pendingVisitTime = visits.get(row)?.time;
  const withoutEntry = entry.session === undefined && entry.marked ? 'changing' : 'none';
  const withEntry = entry.session?.skeyHash === skeyHash ? 'same' : 'differs';
  return {
    cached: entry.session === undefined ? withoutEntry : withEntry,
    ...(pendingVisitTime === undefined ? {} : { pendingVisitTime }),
  };
}

export function detail(
  session: StoredSession,
  inRedis: SessionInRedis,
  apps: Apps,
  nowSeconds: number,
): SessionDetails {
  const limits = apps.limits.get(session.appid);
  const lastVisitTime = Math.max(session.lastVisitTime, inRedis.pendingVisitTime ?? 0);
  const times = { ...session, lastVisitTime };
  const state = stateOf(session, apps, nowSeconds, inRedis.pendingVisitTime);
  const expiresAt =
    limits &&
    Math.min(session.createTime + limits.loginDurationDays * 86_400, lastVisitTime + limits.sessionDurationSeconds);
  const passed =
    limits === undefined || isWithinLimits(times, limits, nowSeconds) ? undefined : findPassedLimit(times, limits);
  const passedAt = passed === 'revoked' ? (limits?.revokedBeforeUs ?? 0) / 1_000_000 : expiresAt;
  const endedAt = session.isEnded ? session.ends[0]?.time : passed === undefined ? undefined : passedAt;
  return {
    ...inRedis,
    session,
    state,
    limitsOf: (session.appid === '' ? apps.default : apps.byAppid.get(session.appid))?.appid,
    expiresAt,
    endedAt: endedAt === undefined ? undefined : Math.floor(endedAt),
    passed,
  };
}
