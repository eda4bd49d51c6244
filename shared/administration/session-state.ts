import type { Apps } from '../session/app-settings.ts';
import { findPassedLimit, isWithinLimits } from '../session/expiry.ts';
import type { StoredSession } from './sessions.ts';

/**
 * What has become of a session. `live`: whoever has its skey is let in. The others say why not: by the log-in's age (`expired`), for
 * want of visits (`idle`), by an administrator, alone or with all of its app (`revoked`), by a later log-in (`replaced`), by the user
 * (`logged_out`), or because its app is not there (`app_removed`).
 */
export const sessionStates = ['live', 'expired', 'idle', 'revoked', 'replaced', 'logged_out', 'app_removed'] as const;
export type SessionState = (typeof sessionStates)[number];

/** What the state follows from. */
export type StatedSession = Pick<
  StoredSession,
  'appid' | 'createTime' | 'lastVisitTime' | 'fence' | 'isEnded' | 'ends'
> & { readonly isSuperseded?: boolean };

/** @param pendingVisitTime seconds since 1970: a visit that is on its way to MySQL */
export function stateOf(
  session: StatedSession,
  apps: Pick<Apps, 'limits'>,
  nowSeconds: number,
  pendingVisitTime = 0,
): SessionState {
  // Of a row that an older version has ended nobody knows why.
  if (session.isEnded) return session.ends[0]?.reason ?? 'replaced';
  if (session.isSuperseded === true) return 'replaced';
  const limits = apps.limits.get(session.appid);
  if (limits === undefined) return 'app_removed';
  const times = { ...session, lastVisitTime: Math.max(session.lastVisitTime, pendingVisitTime) };
  return isWithinLimits(times, limits, nowSeconds) ? 'live' : findPassedLimit(times, limits);
}
