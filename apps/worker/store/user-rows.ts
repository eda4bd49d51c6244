import { QueryTypes, type Sequelize } from 'sequelize';
import { readEnds } from '../../../shared/session/ended-skeys.ts';
import { fromWallClock } from '../../../shared/session/wall-clock.ts';
import type { SessionInfoRow } from '../../../shared/store/models.ts';
import { isEndedSkey } from '../../../shared/store/session-ender.ts';
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
  /** undefined: its log-in said nothing of the device. */
  readonly deviceKind: string | undefined;
  readonly unionId: string | undefined;
  /** Seconds since 1970. */
  readonly createTime: number;
  /** Seconds since 1970; visits of the last seconds may be missing. */
  readonly lastVisitTime: number;
  /** '' too where it was not wanted. */
  readonly storedUserInfo: string;
  /** Since when the stored profile is there, as `fence`: of the log-in that brought it, or of the order that dropped one. */
  readonly profileFence: number;
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
    `select id, uuid, skey, session_key, former_keys, open_id, appid, fence, slot, device_kind, union_id, create_time, last_visit_time, profile_fence${profile}
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

/** What overtakes a log-in. */
export interface Overtaken {
  readonly fence: number;
  /** Whether the row's session ended by a revocation, and no later log-in gave it another. */
  readonly isRevoked: boolean;
}

/** Rows as they are now; those that have been deleted are missing. */
export async function findOvertaken(sequelize: Sequelize, rows: readonly number[]): Promise<Overtaken[]> {
  const found = await sequelize.query<{ fence: number | string; skey: string; ended_skeys: Buffer | null }>(
    'select fence, skey, ended_skeys from cSessionInfo where id in (:rows)',
    { replacements: { rows: [...rows] }, type: QueryTypes.SELECT },
  );
  return found.map(({ fence, skey, ended_skeys: ends }) => ({
    fence: Number(fence),
    isRevoked: isEndedSkey(skey) && readEnds(ends)[0]?.reason === 'revoked',
  }));
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
    deviceKind: row.device_kind ?? undefined,
    unionId: row.union_id ?? undefined,
    createTime: fromWallClock(row.create_time),
    lastVisitTime: fromWallClock(row.last_visit_time),
    storedUserInfo: row.user_info === undefined ? '' : storedUserInfo(row),
    profileFence: Number(row.profile_fence),
  };
}
