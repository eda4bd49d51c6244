import type { Sequelize } from 'sequelize';
import { createGrouper } from '../../../shared/async/grouper.ts';
import { sessionKeyPlace, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { withMembers } from '../../../shared/protocol/json-members.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { SessionCache } from '../../../shared/session/session-cache.ts';
import { isAnonymous, readUserInfo } from '../../../shared/session/user-info.ts';
import { fenceToleranceUs } from '../../../shared/store/fence.ts';
import { namesAnother, type WechatUser } from '../../../shared/session/wechat-user.ts';
import { sealFormerKeys, type FormerKey } from '../former-keys.ts';
import type { LoginWrite } from '../store/login-write.ts';
import { findUserRows, type UserOfApp, type UserRow } from '../store/user-rows.ts';
import { choosePlace } from './choose-place.ts';
import { createKeyHistory, type KeyOfLogin } from './key-history.ts';
import { findEndingLimit } from './live-rows.ts';
import type { LoginSession, LookedUp, Profile, WrittenSession } from './login-session.ts';
import { createSessionPlacer, maxPerStatement } from './place-session.ts';
import type { SessionEvents } from './session-events.ts';

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

/** First log-ins of one user at once meet at most this often; a deadlock goes away by itself. */
const maxAttempts = 8;

export function createSessionWriter(store: {
  readonly sequelize: Sequelize;
  readonly cache: SessionCache;
  readonly cipher: ColumnCipher;
  readonly seal: Seal;
  readonly events?: SessionEvents;
}): SessionWriter {
  const { sequelize, cache, cipher, seal, events } = store;
  const { create, replace } = createSessionPlacer({ sequelize, cache, seal, events });
  const formerKeysOfLogin = createKeyHistory(cipher);
  // Log-ins that run at once read together.
  const findRows = createGrouper(maxPerStatement, (users: UserOfApp[]) => findUserRows(sequelize, users));

  const look = ({ appid, openId, ownsUnmarked, profile }: UserToWrite): LookedUp =>
    findRows({
      appid,
      openId,
      ownsUnmarked,
      wantsProfile: isAnonymous(profile) || events?.compareProfiles(appid) === true,
    });

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
      return {
        row: own.row,
        id: own.id,
        isNew: own.id === login.newId,
        storedProfile: storedIn(own) ?? sent,
        profileFence: own.profileFence,
      };
    const nowUs = login.redisNowUs();
    // What was sent is older than what is known: the user may have taken it back.
    if (!isAnonymousNow && rows.some((row) => profileFenceOf(row, nowUs) > login.fence)) {
      const withoutProfile = { ...login, profile: undefined };
      return attempt(withoutProfile, look(withoutProfile));
    }
    const source = isAnonymousNow ? findLatestProfile(rows, nowUs) : undefined;
    const knownFence = source === undefined ? 0 : profileFenceOf(source, nowUs);
    const stored = storedIn(source);
    const profile = stored ?? sent;
    const deviceKind = login.isPerDevice ? { kind: login.device?.kind } : undefined;
    const { kept, ended, slot } = choosePlace(rows, login.maxSessions, deviceKind);
    const wasOver = kept === undefined ? undefined : findEndingLimit(kept, login.limits, login.time);
    const isInKept = stored !== undefined && kept === source;
    const write: LoginWrite = {
      appid: login.appid,
      openId: login.openId,
      skey: login.skey,
      sessionKey: cipher.seal(sessionKeyPlace(login.appid, login.openId), login.sessionKey),
      formerKeys: sealFormerKeys(cipher, login, formerKeysOfLogin(login, rows)),
      unionId,
      time: login.time,
      fence: login.fence,
      userInfo: isInKept ? undefined : Buffer.from(profile?.text ?? '', 'utf8').toString('base64'),
      profileFence: stored === undefined ? Math.max(login.fence, knownFence) : knownFence,
      slot,
      device: login.device,
      clientIp: login.clientIp,
      caller: login.caller,
      // What has expired or was revoked must not come back to life with the next log-in.
      previousSkeyUntil:
        login.graceSeconds > 0 && kept !== undefined && wasOver === undefined
          ? login.time + login.graceSeconds
          : undefined,
    };
    if (kept === undefined) return create(login, write, profile, rows);
    // Some may have been ended by the attempt before this one.
    const toEnd = ended.filter(({ fence }) => fence !== login.fence);
    return replace(login, write, profile, kept, toEnd, wasOver);
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

/** When a row's profile was brought or dropped; what a clock that was wrong says counts for nothing. */
function profileFenceOf({ profileFence }: UserRow, nowUs: number): number {
  return profileFence > nowUs + fenceToleranceUs ? 0 : profileFence;
}

/** The row with the latest profile; of several the one that was visited last, which is the first. */
function findLatestProfile(rows: readonly UserRow[], nowUs: number): UserRow | undefined {
  let latest = rows[0];
  for (const row of rows)
    if (latest !== undefined && profileFenceOf(row, nowUs) > profileFenceOf(latest, nowUs)) latest = row;
  return latest;
}

/** Where WeChat named a unionId at an earlier log-in and none at this one, a profile that names another is not stored. */
function unlessAnother(profile: Profile, user: WechatUser): Profile {
  return profile === undefined || namesAnother(withMembers(profile), user) ? undefined : profile;
}

function isDeadlock(error: unknown): boolean {
  return (error as { parent?: { code?: string } }).parent?.code === 'ER_LOCK_DEADLOCK';
}
