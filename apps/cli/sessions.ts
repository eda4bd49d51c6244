import { readEnds } from '../../shared/session/ended-skeys.ts';
import { readUserInfo } from '../../shared/session/user-info.ts';
import { hashSkey } from '../../shared/session/skey.ts';
import { fromWallClock } from '../../shared/session/wall-clock.ts';
import type { SessionInfo, SessionInfoRow } from '../../shared/store/models.ts';
import { isEndedSkey } from '../../shared/store/session-ender.ts';
import { longUserInfo, storedUserInfo } from '../../shared/store/session-reader.ts';

/** Which sessions are meant: by the id on the wire, or all of a user. */
export interface SessionSelector {
  readonly id?: string;
  readonly openId?: string;
  /** Only sessions of this app. */
  readonly appid?: string;
}

/** A row of cSessionInfo for an administrator: no skey, no session_key. */
export interface StoredSession {
  readonly row: number;
  readonly id: string;
  readonly openId: string;
  readonly unionId: string | undefined;
  /** '' in rows of the original: they belong to the default app. */
  readonly appid: string;
  readonly nickName: string | undefined;
  /** Seconds since 1970. */
  readonly createTime: number;
  readonly lastVisitTime: number;
  /** Microseconds of Redis's time at which the log-in that wrote it was claimed; 0 in rows of the original. */
  readonly fence: number;
  /** To compare with what the cache holds; never shown. */
  readonly skeyHash: string;
  /** A later log-in, a log-out or an administrator has ended it: its skey is one that nobody has. */
  readonly isEnded: boolean;
  /** How the skeys before ended, the latest first. */
  readonly ends: ReturnType<typeof readEnds>;
  /** Another row has the same id and is newer: only that one counts. */
  readonly isSuperseded: boolean;
}

const columns = [
  'id',
  'uuid',
  'skey',
  'create_time',
  'last_visit_time',
  'open_id',
  'appid',
  'union_id',
  'fence',
  'user_info',
  'ended_skeys',
] as const;

/**
 * The rows that are meant, newest first. The indexes compare by a collation; id and open_id count by exact bytes.
 * @param defaultAppid to whom rows without an app belong
 */
export async function findSessions(
  sessionInfo: SessionInfo,
  { id, openId, appid }: SessionSelector,
  defaultAppid: string | undefined,
): Promise<StoredSession[]> {
  const rows = (await sessionInfo.findAll({
    attributes: [...columns, [longUserInfo, 'user_info_long']],
    where: id === undefined ? { open_id: openId as string } : { uuid: id },
    order: [
      ['last_visit_time', 'DESC'],
      ['id', 'DESC'],
    ],
    raw: true,
  })) as unknown as SessionInfoRow[];
  const exact = rows.filter((row) => (id === undefined ? row.open_id === openId : row.uuid === id));
  const newest = new Map(exact.toReversed().map((row) => [row.uuid, row.id]));
  return exact
    .map((row) => toStoredSession(row, newest.get(row.uuid) !== row.id))
    .filter((session) => appid === undefined || (session.appid || defaultAppid) === appid);
}

function toStoredSession(row: SessionInfoRow, isSuperseded: boolean): StoredSession {
  return {
    row: row.id,
    id: row.uuid,
    openId: row.open_id,
    unionId: row.union_id ?? undefined,
    appid: row.appid ?? '',
    nickName: readNickName(row),
    createTime: fromWallClock(row.create_time),
    lastVisitTime: fromWallClock(row.last_visit_time),
    fence: Number(row.fence),
    skeyHash: hashSkey(row.skey),
    isEnded: isEndedSkey(row.skey),
    ends: readEnds(row.ended_skeys),
    isSuperseded,
  };
}

function readNickName(row: SessionInfoRow): string | undefined {
  const profile = readUserInfo(storedUserInfo(row), { openId: row.open_id, unionId: row.union_id ?? '' })?.value;
  if (typeof profile !== 'object' || profile === null) return undefined;
  const { nickName } = profile as { nickName?: unknown };
  return typeof nickName === 'string' ? nickName : undefined;
}
