import { QueryTypes, type Sequelize } from 'sequelize';
import { fromWallClock } from '../../../shared/session/wall-clock.ts';
import type { SessionInfoRow } from '../../../shared/store/models.ts';
import { longUserInfoSql, storedUserInfo } from '../../../shared/store/session-reader.ts';
import { toSqlList } from './sql-literal.ts';

/** A user's row as a log-in finds it. */
export interface UserRow {
  readonly row: number;
  readonly id: string;
  /** '' in rows of the original. */
  readonly appid: string;
  readonly skey: string;
  /** The columns of its keys, as they are stored. */
  readonly sessionKey: string;
  readonly formerKeys: string | null;
  readonly fence: number;
  readonly slot: number | null;
  readonly unionId: string | undefined;
  /** Seconds since 1970. */
  readonly createTime: number;
  /** Seconds since 1970; visits of the last seconds may be missing. */
  readonly lastVisitTime: number;
  /** '' too where it was not wanted. */
  readonly storedUserInfo: string;
}

/** Whose rows a log-in looks for. */
export interface UserOfApp {
  readonly appid: string;
  readonly openId: string;
  /** Whether rows that name no app, as those of the original, belong to this app. */
  readonly ownsUnmarked: boolean;
  /** Whether the stored profile is wanted: it is most of a row. */
  readonly wantsProfile: boolean;
}

/**
 * The rows of several users, in one statement; each user's newest first (greatest last_visit_time, then row). The index compares
 * by a collation, an open_id counts by exact bytes.
 */
export async function findUserRows(sequelize: Sequelize, users: readonly UserOfApp[]): Promise<UserRow[][]> {
  const profile = users.some((user) => user.wantsProfile) ? `, user_info, ${longUserInfoSql} as user_info_long` : '';
  const openIds = toSqlList(sequelize, [...new Set(users.map(({ openId }) => openId))]);
  const rows = await sequelize.query<SessionInfoRow>(
    `select id, uuid, skey, session_key, former_keys, open_id, appid, fence, slot, union_id, create_time, last_visit_time${profile}
     from cSessionInfo where open_id in (${openIds}) order by last_visit_time desc, id desc`,
    { type: QueryTypes.SELECT },
  );
  const byOpenId = new Map<string, SessionInfoRow[]>();
  for (const row of rows) {
    const known = byOpenId.get(row.open_id);
    if (known === undefined) byOpenId.set(row.open_id, [row]);
    else known.push(row);
  }
  return users.map(({ appid, openId, ownsUnmarked }) =>
    (byOpenId.get(openId) ?? [])
      .filter((row) => row.appid === appid || (ownsUnmarked && (row.appid ?? '') === ''))
      .map(toUserRow),
  );
}

/** Whether a row has not been deleted. */
export async function isRowThere(sequelize: Sequelize, row: number): Promise<boolean> {
  const found = await sequelize.query('select id from cSessionInfo where id = :row', {
    replacements: { row },
    type: QueryTypes.SELECT,
  });
  return found.length > 0;
}

function toUserRow(row: SessionInfoRow): UserRow {
  return {
    row: row.id,
    id: row.uuid,
    appid: row.appid ?? '',
    skey: row.skey,
    sessionKey: row.session_key,
    formerKeys: row.former_keys,
    fence: Number(row.fence),
    slot: row.slot,
    unionId: row.union_id ?? undefined,
    createTime: fromWallClock(row.create_time),
    lastVisitTime: fromWallClock(row.last_visit_time),
    storedUserInfo: row.user_info === undefined ? '' : storedUserInfo(row),
  };
}
