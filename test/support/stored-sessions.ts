import { createHash, randomBytes } from 'node:crypto';
import type { TestDatabase } from './database.ts';
import { noteSecret } from './traces.ts';
import { fromWallClock, toWallClock } from '../../shared/session/wall-clock.ts';

/** A session as a log-in, and visits since, would have left it. Seconds since 1970; undefined: a zero date. */
export interface StoredTimes {
  readonly appid: string | null;
  readonly createTime: number | undefined;
  readonly lastVisitTime: number | undefined;
}

export interface StoredTestSession extends StoredTimes {
  readonly row: number;
  readonly id: string;
  readonly skey: string;
}

const rowsPerStatement = 1000;

/** Puts sessions into an empty cSessionInfo, in this order. */
export async function storeSessions(
  database: Pick<TestDatabase, 'query'>,
  sessions: readonly StoredTimes[],
): Promise<StoredTestSession[]> {
  const wallClock = (time: number | undefined) => (time === undefined ? '0000-00-00 00:00:00' : toWallClock(time));
  const stored = sessions.map((times) => {
    const [id, skey] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
    return { ...times, id, skey };
  });
  noteSecret('skey', stored[0]?.skey);
  await database.query("set sql_mode = ''");
  for (let from = 0; from < stored.length; from += rowsPerStatement) {
    const values = stored.slice(from, from + rowsPerStatement).map(({ id, skey, appid, createTime, lastVisitTime }) => {
      const openId = createHash('sha256').update(id).digest('hex').slice(0, 28);
      return [id, skey, wallClock(createTime), wallClock(lastVisitTime), openId, '', '', appid];
    });
    await database.query(
      `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info, appid) values ?`,
      [values],
    );
  }
  const rows = await database.query<{ id: number; uuid: string }>('select id, uuid from cSessionInfo');
  const keys = new Map(rows.map(({ id, uuid }) => [uuid, id]));
  return stored.map((session) => ({ ...session, row: keys.get(session.id) ?? 0 }));
}

/** Primary keys of what is left, in their order. */
export async function readRows({ query }: Pick<TestDatabase, 'query'>): Promise<number[]> {
  return (await query<{ id: number }>('select id from cSessionInfo order by id')).map(({ id }) => id);
}

interface OriginalRow {
  readonly create_time: string;
  readonly last_visit_time: string;
}

/** Which of them the original would accept now, by its own statements (docs/protocol.md#original-statements). Nothing is changed. */
export async function findAcceptedByOriginal(
  { query }: Pick<TestDatabase, 'query'>,
  sessions: readonly StoredTestSession[],
  nowSeconds: number,
): Promise<Set<number>> {
  const apps = await query<{ login_duration: number; session_duration: number }>('select * from cAppinfo');
  const app = apps.at(-1);
  const accepted = new Set<number>();
  for (const { row, id, skey } of sessions) {
    const [found] = await query<OriginalRow>(
      `select date_format(create_time, '%Y-%m-%d %H:%i:%s') as create_time,
         date_format(last_visit_time, '%Y-%m-%d %H:%i:%s') as last_visit_time
       from cSessionInfo where uuid = ? and skey = ?`,
      [id, skey],
    );
    if (app === undefined || found === undefined) continue;
    const age = nowSeconds - fromWallClock(found.create_time);
    const idle = nowSeconds - fromWallClock(found.last_visit_time);
    if (age <= app.login_duration * 86_400 && idle <= app.session_duration) accepted.add(row);
  }
  return accepted;
}
