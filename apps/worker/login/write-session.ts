import type { Sequelize } from 'sequelize';
import type { DefaultLimits } from '../../../shared/session/app-settings.ts';
import { sessionKeyOf, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import type { Session } from '../../../shared/session/session.ts';
import type { SessionCache } from '../../../shared/session/session-cache.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { isAnonymous, readUserInfo, renderUserInfo } from '../../../shared/session/user-info.ts';
import { namesAnother, type WechatUser } from '../../../shared/session/wechat-user.ts';
import { withMembers } from '../../../shared/protocol/json-members.ts';
import { noteReplaced } from '../../../shared/store/session-ender.ts';
import { createGrouper } from '../../../shared/async/grouper.ts';
import { isErased } from '../../../shared/erasure/journal.ts';
import type { JsonDocument } from '../../../shared/protocol/php-json.ts';
import { erasedUserOf } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import {
  insertSessions,
  UserErasedError,
  type LoginWrite,
  type NewSession,
  type Renewal,
} from '../store/session-writer.ts';
import { renewSessions } from '../store/session-renewals.ts';
import { sealFormerKeys, type FormerKey } from '../former-keys.ts';
import { findUserRows, isRowThere, type UserOfApp, type UserRow } from '../store/user-rows.ts';
import { choosePlace } from './choose-place.ts';
import { createKeyHistory, type KeyOfLogin } from './key-history.ts';
import { findEnd } from './live-rows.ts';

/** The session that a log-in leads to, in MySQL and in the cache. */
export interface SessionWriter {
  /** Begins to read what `write` needs to know of the user. */
  look(user: UserToWrite): LookedUp;
  /** The keys that this log-in replaces, and those before them, as far as data of theirs may still come. The latest is first. */
  findFormerKeys(login: KeyOfLogin, looked: LookedUp): Promise<FormerKey[]>;
  /** @throws {UserErasedError} */
  write(login: LoginSession): Promise<WrittenSession>;
}

interface UserToWrite extends Pick<LoginSession, 'appid' | 'openId' | 'ownsUnmarked' | 'profile'> {}

/** The rows of a user as they were a moment ago. */
export type LookedUp = Promise<UserRow[]>;

interface LoginSession {
  readonly appid: string;
  /** Whether rows without an app are this app's. */
  readonly ownsUnmarked: boolean;
  /** How many sessions the user may have; with one, a log-in ends the session before it. */
  readonly maxSessions: number;
  /** Seconds for which the previous skey still works. */
  readonly graceSeconds: number;
  /** The app's, as they are now: a session that has ended by them gets no grace. */
  readonly limits: DefaultLimits;
  readonly openId: string;
  readonly sessionKey: string;
  readonly unionId: string | undefined;
  /** The session's id if the user is new. */
  readonly newId: string;
  readonly skey: string;
  /** What the client sent along, decrypted. */
  readonly profile: JsonDocument | undefined;
  readonly fence: number;
  /** For a log-in that nothing was written of yet; whatever has changed since is noticed when it is written. */
  readonly looked?: LookedUp | undefined;
  /** The ledger had its record: an earlier run, or the same request before, may have written it. */
  readonly hasRecord: boolean;
  /** Seconds since 1970. */
  readonly time: number;
  /** Redis's time in microseconds. */
  readonly redisNowUs: () => number;
}

export interface WrittenSession {
  /** Primary key, which says nothing of the user to somebody without the database. */
  readonly row: number;
  readonly id: string;
  readonly isNew: boolean;
  /** The profile that later auth checks answer. */
  readonly storedProfile: JsonDocument | undefined;
}

type Profile = JsonDocument | undefined;

/** First log-ins of one user at once meet at most this often; a deadlock goes away by itself. */
const maxAttempts = 8;
const maxPerStatement = 64;

export function createSessionWriter(store: {
  readonly sequelize: Sequelize;
  readonly cache: SessionCache;
  readonly cipher: ColumnCipher;
  readonly seal: Seal;
}): SessionWriter {
  const { sequelize, cache, cipher, seal } = store;
  const formerKeysOfLogin = createKeyHistory(cipher);
  // Log-ins that run at once read and write together; one that is alone goes alone.
  const findRows = createGrouper(maxPerStatement, (users: UserOfApp[]) => findUserRows(sequelize, users));
  const insert = createGrouper(maxPerStatement, (sessions: NewSession[]) => insertSessions(sequelize, sessions));
  const renew = createGrouper(maxPerStatement, (renewals: Renewal[]) => renewSessions(sequelize, renewals));

  const create = async (
    login: LoginSession,
    write: LoginWrite,
    profile: Profile,
  ): Promise<WrittenSession | undefined> => {
    const row = await insert({ id: login.newId, erasedUser: erasedUserOf(seal, login), write });
    if (row === undefined) return undefined;
    // Nobody knows this id yet, so no entry has to get out of the way first.
    settle(cache.introduce(login.newId, toSession(row, write, profile)));
    return { row, id: login.newId, isNew: true, storedProfile: profile };
  };

  const replace = async (
    login: LoginSession,
    write: LoginWrite,
    profile: Profile,
    kept: UserRow,
    ended: readonly UserRow[],
    wasOver: PassedLimit | undefined,
  ): Promise<WrittenSession | undefined> => {
    const endedIds = ended.map(({ id }) => id);
    // Before the commit: from here on nobody is answered by the cache.
    const mark = await cache.mark([kept.id, ...endedIds]);
    // After an error nobody knows whether MySQL has the change or will have it: then the marks stay until they end by themselves,
    // and every check reads MySQL.
    const isWritten = await renew({ kept, ended, write, wasOver, nowUs: login.redisNowUs() });
    if (isWritten) {
      settle(cache.publish(kept.id, mark, toSession(kept.row, write, profile)));
      settle(cache.withdraw(endedIds, mark));
    } else {
      settle(cache.withdraw([kept.id, ...endedIds], mark));
      // By a later log-in of the user, or because the row is gone.
      if (await isErased(sequelize, erasedUserOf(seal, login), login.fence)) throw new UserErasedError();
      // It has left since it was looked at: the user is a new one now.
      if (!(await isRowThere(sequelize, kept.row))) return undefined;
      settle(noteReplaced(sequelize, kept.row, write.skey));
    }
    return { row: kept.row, id: kept.id, isNew: false, storedProfile: profile };
  };

  const look = ({ appid, openId, ownsUnmarked, profile }: UserToWrite): LookedUp =>
    findRows({ appid, openId, ownsUnmarked, wantsProfile: isAnonymous(profile) });

  const attempt = async (login: LoginSession, looked: LookedUp): Promise<WrittenSession | undefined> => {
    const rows = await looked;
    const unionId = login.unionId ?? rows[0]?.unionId;
    const user = { openId: login.openId, unionId };
    const sent = unionId === login.unionId ? login.profile : unlessAnother(login.profile, user);
    const isAnonymousNow = isAnonymous(sent);
    const own =
      rows.find(({ fence, skey }) => fence === login.fence && skey === login.skey) ?? findSuperseded(login, rows);
    // An anonymous profile, or none, never replaces a real one.
    const storedIn = (row: UserRow | undefined) =>
      isAnonymousNow && row !== undefined ? readUserInfo(row.storedUserInfo, user) : undefined;
    // Written by a run of this very log-in that did not live to say so, or for the same request before.
    if (own !== undefined)
      return { row: own.row, id: own.id, isNew: own.id === login.newId, storedProfile: storedIn(own) ?? sent };
    const stored = storedIn(rows[0]);
    const profile = stored ?? sent;
    const { kept, ended, slot } = choosePlace(rows, login.maxSessions);
    const wasOver = kept === undefined ? undefined : findEnd(kept, login.limits, login.time);
    const isInKept = stored !== undefined && kept === rows[0];
    const write: LoginWrite = {
      appid: login.appid,
      openId: login.openId,
      skey: login.skey,
      sessionKey: cipher.seal(sessionKeyOf(login.appid, login.openId), login.sessionKey),
      formerKeys: sealFormerKeys(cipher, login, formerKeysOfLogin(login, rows)),
      unionId,
      time: login.time,
      fence: login.fence,
      userInfo: isInKept ? undefined : Buffer.from(profile?.text ?? '', 'utf8').toString('base64'),
      slot,
      // What has expired or was revoked must not come back to life with the next log-in.
      previousSkeyUntil:
        login.graceSeconds > 0 && kept !== undefined && wasOver === undefined
          ? login.time + login.graceSeconds
          : undefined,
    };
    return kept === undefined ? create(login, write, profile) : replace(login, write, profile, kept, ended, wasOver);
  };

  return {
    look,
    findFormerKeys: async (login, looked) => formerKeysOfLogin(login, await looked),
    async write(login) {
      for (let tries = 1; ; tries++) {
        try {
          const written = await attempt(login, (tries === 1 ? login.looked : undefined) ?? look(login));
          if (written !== undefined) return written;
        } catch (error) {
          if (!isDeadlock(error) || tries >= maxAttempts) throw error;
        }
        if (tries >= maxAttempts) throw new Error('the first log-ins of one user kept meeting');
      }
    },
  };
}

/**
 * The row that a repeated log-in belongs to if its session may have ended since, by a log-out or a later log-in: a request that
 * somebody sends again must not bring it back.
 */
function findSuperseded({ hasRecord, fence, newId }: LoginSession, rows: readonly UserRow[]): UserRow | undefined {
  if (!hasRecord || !rows.some((row) => row.fence >= fence)) return undefined;
  return rows.find((row) => row.id === newId) ?? rows.find((row) => row.fence === fence) ?? rows[0];
}

/** Where WeChat named a unionId at an earlier log-in and none at this one, a profile that names another is not stored. */
function unlessAnother(profile: Profile, user: WechatUser): Profile {
  return profile === undefined || namesAnother(withMembers(profile), user) ? undefined : profile;
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

function isDeadlock(error: unknown): boolean {
  return (error as { parent?: { code?: string } }).parent?.code === 'ER_LOCK_DEADLOCK';
}
