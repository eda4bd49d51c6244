import { createHash } from 'node:crypto';
import { QueryTypes, UniqueConstraintError, type Sequelize } from 'sequelize';
import { equalHash, hashSkey } from '../session/skey.ts';
import { toWallClock } from '../session/wall-clock.ts';
import type { SessionInfo, SessionInfoRow } from './models.ts';
import { longUserInfo, storedUserInfo } from './session-reader.ts';

/** A user's row as a log-in finds it. */
export interface UserRow {
  readonly row: number;
  readonly id: string;
  readonly skey: string;
  readonly fence: number;
  readonly storedUserInfo: string;
}

/** What a log-in writes, the same for a new user and a known one. */
export interface LoginWrite {
  readonly appid: string;
  readonly openId: string;
  readonly skey: string;
  readonly sessionKey: string;
  readonly unionId: string | undefined;
  /** Seconds since 1970: create_time and last_visit_time. */
  readonly time: number;
  /** When the log-in was claimed, in microseconds of Redis's clock: an earlier one never overwrites a later one. */
  readonly fence: number;
  /** base64, or undefined to keep what is stored. */
  readonly userInfo: string | undefined;
}

/** Longest base64 that fits the original's column as widened; longer ones go to user_info_long. */
const maxUserInfoLength = 12_000;
/** A fence further ahead of now than this comes from a clock that was wrong, not from a later log-in. */
const fenceToleranceUs = 5_000_000;

/**
 * The rows of a user, newest first (greatest last_visit_time, then row). The index compares by a collation, an open_id counts by
 * exact bytes.
 * @param ownsUnmarked whether rows that name no app, as those of the original, belong to this app
 */
export async function findUserRows(
  sessionInfo: SessionInfo,
  { appid, openId, ownsUnmarked }: { appid: string; openId: string; ownsUnmarked: boolean },
): Promise<UserRow[]> {
  const rows = (await sessionInfo.findAll({
    attributes: ['id', 'uuid', 'skey', 'open_id', 'appid', 'fence', 'user_info', [longUserInfo, 'user_info_long']],
    where: { open_id: openId },
    order: [
      ['last_visit_time', 'DESC'],
      ['id', 'DESC'],
    ],
    raw: true,
  })) as unknown as SessionInfoRow[];
  return rows
    .filter((row) => row.open_id === openId && (row.appid === appid || (ownsUnmarked && (row.appid ?? '') === '')))
    .map((row) => ({
      row: row.id,
      id: row.uuid,
      skey: row.skey,
      fence: Number(row.fence),
      storedUserInfo: storedUserInfo(row),
    }));
}

/**
 * The key of a session, for the worker alone. Id and skey count by exact bytes.
 * @returns undefined if there is no such session
 */
export async function findSessionKey(sessionInfo: SessionInfo, id: string, skey: string): Promise<string | undefined> {
  const rows = (await sessionInfo.findAll({
    attributes: ['uuid', 'skey', 'session_key'],
    where: { uuid: id },
    order: [
      ['last_visit_time', 'DESC'],
      ['id', 'DESC'],
    ],
    raw: true,
  })) as unknown as SessionInfoRow[];
  const newest = rows.find((row) => row.uuid === id);
  return newest !== undefined && equalHash(hashSkey(newest.skey), hashSkey(skey)) ? newest.session_key : undefined;
}

/** @returns the new row's primary key, or undefined if another first log-in of this user was quicker */
export async function insertSession(
  sessionInfo: SessionInfo,
  id: string,
  write: LoginWrite,
): Promise<number | undefined> {
  try {
    const created = await sessionInfo.create({
      uuid: id,
      ...columnsOf(write),
      ...userInfoColumns(write.userInfo ?? ''),
      user_key: userKey(write.appid, write.openId),
      slot: 0,
      fence: write.fence,
    });
    return Number(created.get('id'));
  } catch (error) {
    if (error instanceof UniqueConstraintError) return undefined;
    throw error;
  }
}

/**
 * Gives the first of a user's rows the new session and ends the others, in one statement.
 * @param nowUs Redis's time in microseconds
 * @returns false if a later log-in has written meanwhile: then this one's skey is not valid
 */
export async function updateSession(
  sequelize: Sequelize,
  rows: readonly [UserRow, ...UserRow[]],
  write: LoginWrite,
  nowUs: number,
): Promise<boolean> {
  const [kept, ...ended] = rows;
  const columns = {
    ...columnsOf(write),
    ...(write.userInfo === undefined ? {} : userInfoColumns(write.userInfo)),
    ...(write.unionId === undefined ? {} : { union_id: write.unionId }),
    user_key: userKey(write.appid, write.openId),
    slot: 0,
  };
  // Ended rows keep all but their skey, which becomes one that nobody has, and their place among this user's slots.
  const forEnded: Record<string, string> = {
    skey: `sha2(concat('ended', id, rand(), :skey), 256)`,
    slot: 'null',
    user_key: 'null',
  };
  const assignments = Object.keys(columns).map((name) =>
    ended.length === 0 ? `${name} = :${name}` : `${name} = if(id = :kept, :${name}, ${forEnded[name] ?? name})`,
  );
  const [, matched] = await sequelize.query(
    `update cSessionInfo set ${assignments.join(', ')}, fence = :fence
     where id in (:rows) and (fence < :fence or fence > :tooFar)
     order by id = :kept`,
    {
      replacements: {
        ...columns,
        kept: kept.row,
        rows: rows.map(({ row }) => row),
        fence: write.fence,
        tooFar: nowUs + fenceToleranceUs,
      },
      type: QueryTypes.UPDATE,
    },
  );
  return matched === rows.length;
}

function columnsOf(write: LoginWrite) {
  const time = toWallClock(write.time);
  return {
    skey: write.skey,
    create_time: time,
    last_visit_time: time,
    open_id: write.openId,
    session_key: write.sessionKey,
    appid: write.appid,
  };
}

function userInfoColumns(base64: string) {
  return base64.length <= maxUserInfoLength
    ? { user_info: base64, user_info_long: null }
    : { user_info: '', user_info_long: base64 };
}

/** Names a user of an app by exact bytes; open_id's own collation would take two users for one. */
function userKey(appid: string, openId: string): Buffer {
  return createHash('sha256').update(`${appid}\0${openId}`, 'utf8').digest();
}

/**
 * Moves last_visit_time of many sessions forward, in one statement. A row whose time was set back since the session was read keeps
 * what it was set to.
 */
export async function writeVisits(
  sequelize: Sequelize,
  visits: readonly { row: number; time: number; base: number }[],
): Promise<void> {
  const values = [...visits]
    // In the order of the primary key, so that two of these never wait for each other.
    .sort((left, right) => left.row - right.row)
    .map(({ row, time, base }) => [row, toWallClock(time), toWallClock(base)]);
  if (values.length === 0) return;
  const rows = ['select ? as id, cast(? as datetime) as visit_time, cast(? as datetime) as base_time'];
  while (rows.length < values.length) rows.push('select ?, cast(? as datetime), cast(? as datetime)');
  await sequelize.query(
    `update cSessionInfo s join (${rows.join(' union all ')}) v on s.id = v.id
     set s.last_visit_time = greatest(s.last_visit_time, v.visit_time)
     where s.last_visit_time >= v.base_time and s.last_visit_time < v.visit_time`,
    { replacements: values.flat(), type: QueryTypes.UPDATE },
  );
}
