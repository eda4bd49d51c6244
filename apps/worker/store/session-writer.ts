import { hash, randomBytes } from 'node:crypto';
import { QueryTypes, UniqueConstraintError, type Sequelize } from 'sequelize';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import { toWallClock } from '../../../shared/session/wall-clock.ts';
import { fenceUnlessErased } from '../../../shared/erasure/journal.ts';
import { unknownSkey } from '../../../shared/store/session-ender.ts';
import { withFormerSkey } from './former-skeys.ts';
import { toSqlList } from './sql-literal.ts';
import type { UserRow } from './user-rows.ts';

/** What a log-in writes, the same for a new user and a known one. */
export interface LoginWrite {
  readonly appid: string;
  readonly openId: string;
  readonly skey: string;
  readonly sessionKey: string;
  /** As the column has it; undefined: none. */
  readonly formerKeys: string | undefined;
  readonly unionId: string | undefined;
  /** Seconds since 1970: create_time and last_visit_time. */
  readonly time: number;
  /** When the log-in was claimed, in microseconds of Redis's clock: an earlier one never overwrites a later one. */
  readonly fence: number;
  /** base64, or undefined to keep what is stored. */
  readonly userInfo: string | undefined;
  /** Which of the user's sessions this is, from 0. */
  readonly slot: number;
  /** Until when the row's previous skey still works, seconds since 1970; undefined: no longer. */
  readonly previousSkeyUntil: number | undefined;
}

/** Longest base64 that fits the original's column as widened; longer ones go to user_info_long. */
export const maxUserInfoLength = 12_000;
/** A fence further ahead of now than this comes from a clock that was wrong, not from a later log-in. */
export const fenceToleranceUs = 5_000_000;

/** A first session of a user, or one more. */
export interface NewSession {
  readonly id: string;
  /** Names its user among those who are to be forgotten. */
  readonly erasedUser: string;
  readonly write: LoginWrite;
}

/** A known user's log-in: the row that its session lives in, and the user's other rows, which end with it. */
export interface Renewal {
  readonly kept: UserRow;
  readonly ended: readonly UserRow[];
  readonly write: LoginWrite;
  /** Why the session in the kept row was over before, if it was. */
  readonly wasOver?: PassedLimit | undefined;
  /** Redis's time in microseconds. */
  readonly nowUs: number;
}

/**
 * Inserts sessions, several in one statement.
 * @returns each one's primary key, or undefined where another log-in of this user was quicker
 */
export async function insertSessions(
  sequelize: Sequelize,
  sessions: readonly NewSession[],
): Promise<(number | undefined | Promise<number | undefined>)[]> {
  const [only] = sessions;
  if (only !== undefined && sessions.length === 1) return [await insertSession(sequelize, only)];
  try {
    const rows = await insertTogether(sequelize, sessions);
    const keys = new Map(rows.map((row) => [row.uuid, row.id]));
    return sessions.map(({ id }) => keys.get(id));
  } catch {
    // One of them was too late or can't be written, and with it none is: each for itself. What a lost answer leaves unknown is
    // found by the unique key.
    return sessions.map((session) => insertSession(sequelize, session));
  }
}

interface InsertedRow {
  readonly id: number;
  readonly uuid: string;
}

/** MySQL's; MariaDB has known `returning` since 10.5. */
const withoutReturning = new WeakSet<Sequelize>();

/** The keys are not counted from the first insert id: a Galera cluster leaves gaps. */
async function insertTogether(sequelize: Sequelize, sessions: readonly NewSession[]): Promise<InsertedRow[]> {
  const insert = toInsert(sequelize, sessions);
  if (!withoutReturning.has(sequelize)) {
    try {
      return await sequelize.query<InsertedRow>(`${insert} returning id, uuid`, { type: QueryTypes.SELECT });
    } catch (error) {
      if ((error as { parent?: { code?: string } }).parent?.code !== 'ER_PARSE_ERROR') throw error;
      withoutReturning.add(sequelize);
    }
  }
  await sequelize.query(insert, { type: QueryTypes.INSERT });
  const ids = sessions.map(({ id }) => id);
  return sequelize.query<InsertedRow>(
    `select id, uuid from cSessionInfo where uuid in (${toSqlList(sequelize, ids)})`,
    { type: QueryTypes.SELECT },
  );
}

/** The user was erased after the log-in was made: nothing of it may be written. */
export class UserErasedError extends Error {
  constructor() {
    super('the user of this log-in was erased after it was made');
    this.name = 'UserErasedError';
  }
}

/** What the server says to a row without a fence. */
const noFence = 'ER_BAD_NULL_ERROR';

async function insertSession(sequelize: Sequelize, session: NewSession): Promise<number | undefined> {
  try {
    const [id] = await sequelize.query(toInsert(sequelize, [session]), { type: QueryTypes.INSERT });
    return id;
  } catch (error) {
    if (error instanceof UniqueConstraintError) return undefined;
    if ((error as { parent?: { code?: string } }).parent?.code === noFence) throw new UserErasedError();
    throw error;
  }
}

function toInsert(sequelize: Sequelize, sessions: readonly NewSession[]): string {
  const rows = sessions.map(newColumns);
  const names = Object.keys(rows[0] ?? {});
  const values = sessions.map(
    ({ erasedUser, write }, index) =>
      `(${toSqlList(sequelize, Object.values(rows[index] ?? {}))},${fenceUnlessErased(erasedUser, write.fence)})`,
  );
  return `insert into cSessionInfo (${names.join(',')},fence) values ${values.join(',')}`;
}

function newColumns({ id, write }: NewSession) {
  return {
    uuid: id,
    ...columnsOf(write),
    ...userInfoColumns(write.userInfo ?? ''),
    user_key: userKey(write.appid, write.openId),
    union_id: write.unionId ?? null,
  };
}

/**
 * Gives one of a user's rows the new session and ends others, in one statement.
 * @returns false if a later log-in has written meanwhile: then this one's skey is not valid
 */
export async function updateSession(sequelize: Sequelize, renewal: Renewal): Promise<boolean> {
  const { kept, ended, write, nowUs } = renewal;
  const columns = {
    ...columnsOf(write),
    ...(write.userInfo === undefined ? {} : userInfoColumns(write.userInfo)),
    ...(write.unionId === undefined ? {} : { union_id: write.unionId }),
    previous_skey_until: write.previousSkeyUntil === undefined ? null : toWallClock(write.previousSkeyUntil),
    user_key: userKey(write.appid, write.openId),
  };
  // Ended rows keep all but their skey, which becomes one that nobody has, and their place among this user's slots.
  const forEnded: Record<string, string> = {
    skey: unknownSkey,
    previous_skey_until: 'null',
    former_keys: 'null',
    slot: 'null',
    user_key: 'null',
  };
  const assignments = Object.keys(columns).map((name) =>
    ended.length === 0 ? `${name} = :${name}` : `${name} = if(id = :kept, :${name}, ${forEnded[name] ?? name})`,
  );
  const rows = [kept, ...ended].map(({ row }) => row);
  // Assignments take effect from left to right: the previous skey is saved before the new one comes.
  const [, matched] = await sequelize.query(
    `update cSessionInfo set ended_skeys = ${withFormerSkey([renewal])},
       previous_skey = if(:previous_skey_until is null or id <> :kept, null, skey),
       ${assignments.join(', ')}, fence = :fence
     where id in (:rows) and (fence < :fence or fence > :tooFar)
     order by id = :kept`,
    {
      replacements: {
        ...columns,
        kept: kept.row,
        rows,
        fence: write.fence,
        tooFar: nowUs + fenceToleranceUs,
        random: randomBytes(32).toString('hex'),
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
    former_keys: write.formerKeys ?? null,
    appid: write.appid,
    slot: write.slot,
  };
}

/** The columns of a profile, given as base64. */
export function userInfoColumns(base64: string) {
  return base64.length <= maxUserInfoLength
    ? { user_info: base64, user_info_long: null }
    : { user_info: '', user_info_long: base64 };
}

/** Names a user of an app by exact bytes; open_id's own collation would take two users for one. */
function userKey(appid: string, openId: string): Buffer {
  return hash('sha256', `${appid}\0${openId}`, 'buffer');
}
