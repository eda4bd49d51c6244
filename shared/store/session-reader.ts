import { literal } from 'sequelize';
import type { Session } from '../session/session.ts';
import { hashSkey } from '../session/skey.ts';
import { readUserInfo, renderUserInfo } from '../session/user-info.ts';
import { fromWallClock } from '../session/wall-clock.ts';
import type { SessionInfo, SessionInfoRow } from './models.ts';

/** The narrow view of a session that a front end may have: no session_key. */
const columns = [
  'id',
  'uuid',
  'skey',
  'create_time',
  'last_visit_time',
  'fence',
  'open_id',
  'union_id',
  'user_info',
  'appid',
  'previous_skey',
  'previous_skey_until',
  'ended_skeys',
] as const;

type NarrowRow = Pick<SessionInfoRow, (typeof columns)[number] | 'user_info_long'>;

/** The base64 of a long profile has a column of its own, which counts only while the original's one is empty. */
export const longUserInfoSql = "if(user_info = '', user_info_long, null)";
export const longUserInfo = literal(longUserInfoSql);

/**
 * Reads many sessions by their ids in one statement. The index compares by a collation; here ids count by exact bytes.
 * Of two rows with one id the newest is meant: greatest last_visit_time, then row (docs/protocol.md#duplicates).
 */
export async function readSessions(sessionInfo: SessionInfo, ids: readonly string[]): Promise<Map<string, Session>> {
  const rows = (await sessionInfo.findAll({
    attributes: [...columns, [longUserInfo, 'user_info_long']],
    where: { uuid: [...ids] },
    order: [
      ['last_visit_time', 'ASC'],
      ['id', 'ASC'],
    ],
    raw: true,
  })) as unknown as NarrowRow[];
  return new Map(rows.map((row) => [row.uuid, toSession(row)]));
}

function toSession(row: NarrowRow): Session {
  const user = { openId: row.open_id, unionId: row.union_id ?? '' };
  return {
    row: row.id,
    appid: row.appid ?? '',
    ...user,
    fence: Number(row.fence),
    skeyHash: hashSkey(row.skey),
    ...(row.previous_skey === null || row.previous_skey_until === null
      ? {}
      : { previous: { skeyHash: hashSkey(row.previous_skey), until: fromWallClock(row.previous_skey_until) } }),
    createTime: fromWallClock(row.create_time),
    lastVisitTime: fromWallClock(row.last_visit_time),
    userInfoJson: renderUserInfo(readUserInfo(storedUserInfo(row), user)),
    ...(row.ended_skeys === null ? {} : { endedSkeys: row.ended_skeys }),
  };
}

/** The column of an adopted table may be null. */
export function storedUserInfo(row: { user_info: string | null; user_info_long: string | null }): string {
  return row.user_info || (row.user_info_long ?? '');
}
