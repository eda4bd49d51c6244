import { QueryTypes, UniqueConstraintError, type Sequelize } from 'sequelize';
import { fenceUnlessErased } from '../../../shared/erasure/journal.ts';
import { columnsOf, userInfoColumns, userKey, type LoginWrite } from './login-write.ts';
import type { RunTogether } from './run-together.ts';
import { noteInserts, type LoginEvents } from './note-events.ts';
import { toSqlList } from './sql-literal.ts';

/** A first session of a user, or one more. */
export interface NewSession {
  readonly id: string;
  /** Names its user among those who are to be forgotten. */
  readonly erasedUser: string;
  readonly write: LoginWrite;
  readonly events?: LoginEvents | undefined;
}

/**
 * Inserts sessions, several in one statement.
 * @param runTogether for those with events
 * @returns each one's primary key, or undefined where another log-in of this user was quicker
 */
export async function insertSessions(
  sequelize: Sequelize,
  sessions: readonly NewSession[],
  runTogether?: RunTogether,
): Promise<(number | undefined | Promise<number | undefined>)[]> {
  const [only] = sessions;
  if (only !== undefined && sessions.length === 1) return [await insertSession(sequelize, only, runTogether)];
  try {
    const rows = await insertTogether(sequelize, sessions, runTogether);
    const keys = new Map(rows.map((row) => [row.uuid, row.id]));
    return sessions.map(({ id }) => keys.get(id));
  } catch {
    // One of them was too late or can't be written, and with it none is: each for itself. What a lost answer leaves unknown is
    // found by the unique key.
    return sessions.map((session) => insertSession(sequelize, session, runTogether));
  }
}

interface InsertedRow {
  readonly id: number;
  readonly uuid: string;
}

/** MySQL's; MariaDB has known `returning` since 10.5. */
const withoutReturning = new WeakSet<Sequelize>();

/** The keys are not counted from the first insert id: a Galera cluster leaves gaps. */
async function insertTogether(
  sequelize: Sequelize,
  sessions: readonly NewSession[],
  runTogether: RunTogether | undefined,
): Promise<InsertedRow[]> {
  const insert = toInsert(sequelize, sessions);
  const events = noteInserts(sequelize, sessions);
  if (!withoutReturning.has(sequelize)) {
    const returning = `${insert} returning id, uuid`;
    try {
      if (events === undefined || runTogether === undefined)
        return await sequelize.query<InsertedRow>(returning, { type: QueryTypes.SELECT });
      const [rows] = await runTogether([returning, events]);
      return rows as InsertedRow[];
    } catch (error) {
      if ((error as { parent?: { code?: string } }).parent?.code !== 'ER_PARSE_ERROR') throw error;
      withoutReturning.add(sequelize);
    }
  }
  if (events === undefined || runTogether === undefined) await sequelize.query(insert, { type: QueryTypes.INSERT });
  else await runTogether([insert, events]);
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

async function insertSession(
  sequelize: Sequelize,
  session: NewSession,
  runTogether: RunTogether | undefined,
): Promise<number | undefined> {
  const insert = toInsert(sequelize, [session]);
  const events = noteInserts(sequelize, [session]);
  try {
    if (events === undefined || runTogether === undefined)
      return (await sequelize.query(insert, { type: QueryTypes.INSERT }))[0];
    const [written] = await runTogether([insert, events]);
    return (written as { insertId: number }).insertId;
  } catch (error) {
    if (error instanceof UniqueConstraintError) return undefined;
    if ((error as { parent?: { code?: string } }).parent?.code === noFence) throw new UserErasedError();
    throw error;
  }
}

function toInsert(sequelize: Sequelize, sessions: readonly NewSession[]): string {
  const rows = sessions.map(newColumns);
  const names = Object.keys(rows[0] ?? {});
  const users = sessions.map(({ erasedUser }) => erasedUser);
  const earliestFence = Math.min(...sessions.map(({ write }) => write.fence));
  // Asked once for all, in the first row: a question in each costs the server more than the rows do.
  const values = sessions.map(({ write: { fence } }, index) => {
    const checked = index === 0 ? fenceUnlessErased(users, earliestFence, fence) : fence;
    return `(${toSqlList(sequelize, Object.values(rows[index] ?? {}))},${checked})`;
  });
  return `insert into cSessionInfo (${names.join(',')},fence) values ${values.join(',')}`;
}

function newColumns({ id, write }: NewSession) {
  return {
    uuid: id,
    ...columnsOf(write),
    ...userInfoColumns(write.userInfo ?? ''),
    profile_fence: write.profileFence,
    user_key: userKey(write.appid, write.openId),
    union_id: write.unionId ?? null,
  };
}
