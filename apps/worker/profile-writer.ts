import type { Sequelize } from 'sequelize';
import { soon } from '../../shared/async/patience.ts';
import { parsePhpJsonText, type JsonDocument } from '../../shared/protocol/php-json.ts';
import type { EventDemand } from './events/demand.ts';
import { announce } from '../../shared/events/outbox.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import { acceptsSkey, type Session } from '../../shared/session/session.ts';
import { unmarkPatienceMs, type SessionCache, type WriteMark } from '../../shared/session/session-cache.ts';
import { isAnonymous, renderUserInfo } from '../../shared/session/user-info.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { inTransaction } from '../../shared/store/in-transaction.ts';
import type { SessionInfo } from '../../shared/store/models.ts';
import { isSameProfile } from './login/same-profile.ts';
import { updateProfile, type ProfileWritten } from './store/update-profile.ts';
import { readSessions } from '../../shared/store/session-reader.ts';

/** The profile of a session, in MySQL and in the cache. */
export interface ProfileWriter {
  /**
   * Stores a profile, unless it is an anonymous one and a real one is stored, or one from before the user took it back.
   * @param made when it was sent
   * @returns false if the session is not open for this skey any more: nothing is written then
   * @throws if the stores fail
   */
  write(session: OpenSession, profile: JsonDocument, made: MadeAt): Promise<boolean>;
}

interface OpenSession {
  readonly row: number;
  readonly id: string;
  readonly skeyHash: string;
}

/** In microseconds of Redis's clock. */
interface MadeAt {
  /** undefined: nobody noted it, so that it counts as made now. */
  readonly madeByUs: number | undefined;
  readonly redisNowUs: () => number;
}

interface Attempt {
  /** undefined if a log-in has written meanwhile. */
  readonly isOpen?: boolean;
  /** The session with what was written. */
  readonly next?: Session;
}

/** Log-ins of the same user in between, each of which makes it read again. */
const maxAttempts = 5;

export function createProfileWriter(store: {
  readonly sequelize: Sequelize;
  readonly sessionInfo: SessionInfo;
  readonly cache: SessionCache;
  readonly apps: AppSettings<AppWithSecret>;
  readonly demand: EventDemand;
}): ProfileWriter {
  const { sequelize, sessionInfo, cache, apps, demand } = store;

  const update = async (
    session: Session,
    id: string,
    { text }: JsonDocument,
    { madeByUs, redisNowUs }: MadeAt,
  ): Promise<ProfileWritten> => {
    const nowUs = redisNowUs();
    const profile = { text, unionId: session.unionId, fence: madeByUs ?? nowUs };
    if (!(await demand.isAny())) return updateProfile(sequelize, session, profile, nowUs);
    const appid = session.appid || (await apps.current()).default?.appid;
    return inTransaction(sequelize, async (transaction) => {
      const written = await updateProfile(sequelize, session, profile, nowUs, transaction);
      const event = { event: 'profile.changed', appid, openId: session.openId, sessionId: id } as const;
      const isNews = !isSameProfile(session.userInfoJson, text);
      if (written === 'written' && isNews) await announce(sequelize, [event], transaction);
      return written;
    });
  };

  const findOpen = async ({ row, id, skeyHash }: OpenSession): Promise<Session | undefined> => {
    const session = (await readSessions(sessionInfo, [id])).get(id);
    return session?.row === row && acceptsSkey(session, skeyHash, nowSeconds()) ? session : undefined;
  };

  const attempt = async (open: OpenSession, profile: JsonDocument, made: MadeAt, mark: WriteMark): Promise<Attempt> => {
    // Read under the mark: what changed before it is seen here, and who changes the row from now on marks as well, so that
    // what is published below is not taken for the latest.
    const session = await findOpen(open).catch(async (error: unknown) => {
      await cache.withdraw([open.id], mark).catch(() => undefined);
      throw error;
    });
    if (session === undefined) return { isOpen: false };
    const next = merge(session, profile);
    const isChanged = next.userInfoJson !== session.userInfoJson;
    // If this fails nobody knows whether it is written: the mark stays until it ends by itself.
    const written = isChanged ? await update(session, open.id, profile, made) : 'written';
    if (written === 'overtaken') return {};
    return { isOpen: true, ...(written === 'written' ? { next } : {}) };
  };

  return {
    async write(open, profile, made) {
      for (let tries = 1; tries <= maxAttempts; tries++) {
        const mark = await cache.mark([open.id]);
        const { isOpen, next } = await attempt(open, profile, made, mark);
        await soon(
          next === undefined ? cache.withdraw([open.id], mark) : cache.publish(open.id, mark, next),
          unmarkPatienceMs,
        );
        if (isOpen !== undefined) return isOpen;
      }
      throw new Error('log-ins of this user kept coming in between');
    },
  };
}

/** An anonymous profile never replaces a real one. The unionId is WeChat's own answer, from a log-in, and stays. */
function merge(session: Session, profile: JsonDocument): Session {
  if (isAnonymous(profile) && !isAnonymous(parsePhpJsonText(session.userInfoJson))) return session;
  return { ...session, userInfoJson: renderUserInfo(profile) };
}
