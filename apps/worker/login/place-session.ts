import type { Sequelize } from 'sequelize';
import { createGrouper } from '../../../shared/async/grouper.ts';
import { isErased } from '../../../shared/erasure/journal.ts';
import { erasedUserOf } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import type { Session } from '../../../shared/session/session.ts';
import type { SessionCache } from '../../../shared/session/session-cache.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { renderUserInfo } from '../../../shared/session/user-info.ts';
import { endAndAnnounce } from '../store/end-and-announce.ts';
import { noteOvertaken } from '../../../shared/store/session-ender.ts';
import { inSpan, ofMysql, ofRedis } from '../../../shared/tracing/span.ts';
import type { LoginWrite } from '../store/login-write.ts';
import { insertSessions, UserErasedError, type NewSession } from '../store/session-inserts.ts';
import { renewSessions, type Renewal } from '../store/session-renewals.ts';
import { findOvertaken, type UserRow } from '../store/user-rows.ts';
import type { LoginSession, Profile, WrittenSession } from './login-session.ts';
import type { SessionEvents } from './session-events.ts';

/** Puts a session where it was chosen to be: into MySQL, and then into the cache. */
export interface SessionPlacer {
  /**
   * In a row of its own.
   * @param others the rows that the user has: if a revocation has ended one of them since the log-in was claimed, this session ends, too
   * @returns undefined if another log-in of the user was quicker. @throws {UserErasedError}
   */
  create(
    login: LoginSession,
    write: LoginWrite,
    profile: Profile,
    others: readonly UserRow[],
  ): Promise<WrittenSession | undefined>;
  /**
   * In a row that the user has.
   * @param ended those that end with it
   * @param wasOver why the session in the kept row was over before, if it was
   * @returns undefined if that row has left since it was looked at, or has got a later profile. @throws {UserErasedError}
   */
  replace(
    login: LoginSession,
    write: LoginWrite,
    profile: Profile,
    kept: UserRow,
    ended: readonly UserRow[],
    wasOver: PassedLimit | undefined,
  ): Promise<WrittenSession | undefined>;
}

/** Log-ins that run at once are written together; one that is alone goes alone. */
export const maxPerStatement = 64;

export function createSessionPlacer(store: {
  readonly sequelize: Sequelize;
  readonly cache: SessionCache;
  readonly seal: Seal;
  readonly events: SessionEvents | undefined;
}): SessionPlacer {
  const { sequelize, cache, seal, events } = store;
  const runTogether = events?.runTogether;
  const insert = createGrouper(maxPerStatement, (sessions: NewSession[]) =>
    insertSessions(sequelize, sessions, runTogether),
  );
  const renew = createGrouper(maxPerStatement, (renewals: Renewal[]) =>
    renewSessions(sequelize, renewals, runTogether),
  );

  const endIfRevoked = async (row: number, { newId, fence }: LoginSession, others: readonly UserRow[]) => {
    if (others.length === 0) return;
    const overtaken = await findOvertaken(
      sequelize,
      others.map((other) => other.row),
    );
    if (!overtaken.some((other) => other.isRevoked && other.fence >= fence)) return;
    const mark = await cache.mark([newId]);
    await endAndAnnounce(sequelize, [row], 'revoked', { defaultAppid: undefined });
    settle(cache.withdraw([newId], mark));
  };

  return {
    async create(login, write, profile, others) {
      // Before anybody can end this session: from here on what ends it takes the cache's place away from it.
      const introducing = cache.introduce(login.newId);
      const session = {
        id: login.newId,
        erasedUser: erasedUserOf(seal, login),
        write,
        events: events?.ofNew(login.appid),
      };
      const row = await inSpan(login.span, 'INSERT cSessionInfo', 'client', ofMysql, () => insert(session));
      if (row === undefined) return undefined;
      const introduction = await introducing;
      if (introduction !== undefined) settle(introduction.store(toSession(row, write, profile)));
      await endIfRevoked(row, login, others);
      return { row, id: login.newId, isNew: true, storedProfile: profile, profileFence: write.profileFence };
    },
    async replace(login, write, profile, kept, ended, wasOver) {
      const endedIds = ended.map(({ id }) => id);
      // Before the commit: from here on nobody is answered by the cache.
      const markAll = () => cache.mark([kept.id, ...endedIds]);
      const mark = await inSpan(login.span, 'mark sessions', 'client', ofRedis, markAll);
      // After an error nobody knows whether MySQL has the change or will have it: then the marks stay until they end by themselves,
      // and every check reads MySQL.
      const renewal = {
        kept,
        ended,
        write,
        wasOver,
        nowUs: login.redisNowUs(),
        events: events?.ofRenewal(kept, write, wasOver),
      };
      const isWritten = await inSpan(login.span, 'UPDATE cSessionInfo', 'client', ofMysql, () => renew(renewal));
      if (isWritten) {
        settle(cache.publish(kept.id, mark, toSession(kept.row, write, profile)));
        settle(cache.withdraw(endedIds, mark));
      } else {
        settle(cache.withdraw([kept.id, ...endedIds], mark));
        // By a later log-in of the user or a revocation, because the row is gone, or because its profile is a later one by now.
        if (await isErased(sequelize, erasedUserOf(seal, login), login.fence)) throw new UserErasedError();
        const [by] = await findOvertaken(sequelize, [kept.row]);
        // It has left, or changed without a log-in, since it was looked at.
        if (by === undefined || by.fence < login.fence) return undefined;
        settle(noteOvertaken(sequelize, kept.row, write.skey, by.isRevoked ? 'revoked' : 'replaced'));
      }
      const { profileFence } = write;
      return { row: kept.row, id: kept.id, isNew: false, storedProfile: profile, profileFence };
    },
  };
}

/**
 * Brings the cache up to date in the background: a check that comes before that reads MySQL, so the log-in need not
 * wait.
 */
function settle(change: Promise<void>): void {
  change.catch(() => undefined);
}

/**
 * As the cache gets it: without the skey before, which may have ended since it was read. Who comes with that one is
 * confirmed from MySQL, as all that the cache does not accept.
 */
function toSession(row: number, write: LoginWrite, profile: Profile): Session {
  return {
    row,
    appid: write.appid,
    openId: write.openId,
    unionId: write.unionId ?? '',
    skeyHash: hashSkey(write.skey),
    createTime: write.time,
    lastVisitTime: write.time,
    fence: write.fence,
    userInfoJson: renderUserInfo(profile),
  };
}
