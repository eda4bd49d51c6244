import type { EventDemand } from '../events/demand.ts';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import { isEndedSkey } from '../../../shared/store/session-ender.ts';
import { isSameProfile } from './same-profile.ts';
import type { RunTogether } from '../store/run-together.ts';
import type { LoginEvents } from '../store/note-events.ts';
import type { LoginWrite } from '../store/login-write.ts';
import type { UserRow } from '../store/user-rows.ts';

/** What log-ins have to tell other systems. Nothing is noted, and nothing costs more, where nobody wants to hear it. */
export interface SessionEvents {
  readonly runTogether: RunTogether;
  /** Of a session in a row of its own. */
  ofNew(appid: string): LoginEvents | undefined;
  /** Of one that takes the place of another. */
  ofRenewal(
    kept: UserRow,
    write: Pick<LoginWrite, 'appid' | 'userInfo'>,
    wasOver: PassedLimit | undefined,
  ): LoginEvents | undefined;
  /** Whether a log-in is to read the profile before, to tell whether it changes. */
  compareProfiles(appid: string): boolean;
}

export function createSessionEvents(demand: EventDemand, runTogether: RunTogether): SessionEvents {
  const compareProfiles = (appid: string) => demand.wants('profile.changed', appid);
  return {
    runTogether,
    compareProfiles,
    ofNew: (appid) =>
      demand.wants('session.created', appid)
        ? { session: 'session.created', ends: false, isProfileChanged: false }
        : undefined,
    ofRenewal(kept, { appid, userInfo }, wasOver) {
      if (!demand.wantsAny(appid)) return undefined;
      const event = isEndedSkey(kept.skey) || wasOver !== undefined ? 'session.created' : 'session.replaced';
      return {
        session: demand.wants(event, appid) ? event : undefined,
        ends: demand.wants('session.ended', appid),
        isProfileChanged:
          userInfo !== undefined && compareProfiles(appid) && !isSameProfile(kept.storedUserInfo, userInfo),
      };
    },
  };
}
