import type { Sequelize } from 'sequelize';
import type { Session } from '../../../shared/session/session.ts';
import type { SessionCache, WriteMark } from '../../../shared/session/session-cache.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { decodeUserInfo, isAnonymous, renderUserInfo } from '../../../shared/session/user-info.ts';
import type { JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import {
  findUserRows,
  insertSession,
  updateSession,
  type LoginWrite,
  type UserRow,
} from '../../../shared/store/session-writer.ts';

/** The session that a log-in leads to, in MySQL and in the cache. */
export interface SessionWriter {
  write(login: LoginSession): Promise<WrittenSession>;
}

export interface LoginSession {
  readonly appid: string;
  /** Whether rows without an app are this app's. */
  readonly ownsUnmarked: boolean;
  readonly openId: string;
  readonly sessionKey: string;
  readonly unionId: string | undefined;
  /** The session's id if the user is new. */
  readonly newId: string;
  readonly skey: string;
  /** What the client sent along, decrypted. */
  readonly profile: JsonDocument | undefined;
  readonly fence: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Redis's time in microseconds. */
  readonly redisNowUs: () => number;
}

export interface WrittenSession {
  readonly id: string;
  readonly isNew: boolean;
  /** The profile that later auth checks answer. */
  readonly storedProfile: JsonDocument | undefined;
}

/** Two first log-ins of one user meet at most this often; a deadlock goes away by itself. */
const maxAttempts = 4;

export function createSessionWriter(store: {
  readonly sequelize: Sequelize;
  readonly sessionInfo: SessionInfo;
  readonly cache: SessionCache;
}): SessionWriter {
  const { sequelize, sessionInfo, cache } = store;

  /** Runs `change` with the sessions' cache entries out of the way, from before the commit until the new state is in the cache. */
  const whileMarked = async <Result>(
    ids: readonly string[],
    change: (mark: WriteMark) => Promise<Result>,
  ): Promise<Result> => {
    const mark = await cache.mark(ids);
    try {
      return await change(mark);
    } finally {
      // What `change` has published is no mark any more and stays. If Redis is away by now the mark ends by itself.
      await cache.withdraw(ids, mark).catch(() => undefined);
    }
  };

  const create = (login: LoginSession, write: LoginWrite): Promise<WrittenSession | undefined> =>
    whileMarked([login.newId], async (mark) => {
      const row = await insertSession(sessionInfo, login.newId, write);
      if (row === undefined) return undefined;
      await cache.publish(login.newId, mark, toSession(row, write, login.profile)).catch(() => undefined);
      return { id: login.newId, isNew: true, storedProfile: login.profile };
    });

  const replace = (
    login: LoginSession,
    write: LoginWrite,
    rows: readonly [UserRow, ...UserRow[]],
  ): Promise<WrittenSession> =>
    whileMarked(
      rows.map(({ id }) => id),
      async (mark) => {
        const [{ id, row, storedUserInfo }] = rows;
        const stored = decodeUserInfo(storedUserInfo);
        const keepsStored = isAnonymous(login.profile) && stored !== undefined;
        const profile = keepsStored ? stored : login.profile;
        const isWritten = await updateSession(
          sequelize,
          rows,
          keepsStored ? { ...write, userInfo: undefined } : write,
          login.redisNowUs(),
        );
        if (isWritten) await cache.publish(id, mark, toSession(row, write, profile)).catch(() => undefined);
        return { id, isNew: false, storedProfile: profile };
      },
    );

  const attempt = async (login: LoginSession): Promise<WrittenSession | undefined> => {
    const rows = await findUserRows(sessionInfo, login);
    const write: LoginWrite = {
      ...login,
      userInfo: login.profile === undefined ? '' : Buffer.from(login.profile.text, 'utf8').toString('base64'),
    };
    const [newest] = rows;
    if (newest === undefined) return create(login, write);
    // Written by a run of this very log-in that did not live to say so.
    if (newest.fence === login.fence && newest.skey === login.skey) {
      return { id: newest.id, isNew: newest.id === login.newId, storedProfile: decodeUserInfo(newest.storedUserInfo) };
    }
    return replace(login, write, rows as [UserRow, ...UserRow[]]);
  };

  return {
    async write(login) {
      for (let tries = 1; ; tries++) {
        try {
          const written = await attempt(login);
          if (written !== undefined) return written;
        } catch (error) {
          if (!isDeadlock(error) || tries >= maxAttempts) throw error;
        }
        if (tries >= maxAttempts) throw new Error('the first log-ins of one user kept meeting');
      }
    },
  };
}

function toSession(row: number, write: LoginWrite, profile: JsonDocument | undefined): Session {
  return {
    row,
    appid: write.appid,
    skeyHash: hashSkey(write.skey),
    createTime: write.time,
    lastVisitTime: write.time,
    userInfoJson: renderUserInfo(profile),
  };
}

function isDeadlock(error: unknown): boolean {
  return (error as { parent?: { code?: string } }).parent?.code === 'ER_LOCK_DEADLOCK';
}
