import { QueryTypes, type Sequelize } from 'sequelize';
import { toWallClock } from '../session/wall-clock.ts';

/** By what sessions are listed, the latest first: each has an index with the app before it. */
type SessionTime = 'create_time' | 'last_visit_time';

/** Where a list has come to: at which session. */
export interface Place {
  /** Its time as the column has it, which may be an impossible date. */
  readonly at: string;
  /** Its primary key. */
  readonly row: number;
}

/** A place as numbers. */
export function toNumbers({ at, row }: Place): [at: number, row: number] {
  return [Number(at.slice(0, 19).replaceAll(/\D/g, '')), row];
}

export function toPlace([at = 0, row = 0]: readonly number[]): Place {
  const [year, ...parts] = String(at)
    .padStart(14, '0')
    .match(/^\d{4}|\d\d/g) as string[];
  const [month, day, ...time] = parts;
  return { at: `${year}-${month}-${day} ${time.join(':')}`, row };
}

/** A condition of which an index holds the rows in the order of their times, or that so few rows fulfil that it does not matter. */
export interface Branch {
  readonly sql: string;
  readonly value?: string;
}

/** The branch of each app, as rows name it: also of apps that are gone, and of rows that name none. */
export async function findAppBranches(sequelize: Sequelize): Promise<Branch[]> {
  const read = async (sql: string) =>
    (await sequelize.query<{ appid: string | null }>(sql, { type: QueryTypes.SELECT })).map(({ appid }) => appid);
  // A jump through the index from app to app.
  if (await hasWholeKey(sequelize)) return (await read('select distinct appid from cSessionInfo')).map(branchOfApp);
  const known = await read(
    "select appid from cAppinfo union select substr(what, 5) from cWaferRevocation where what like 'app %'",
  );
  return [...known, '', null].map(branchOfApp);
}

/** Whether the key has all of each appid; not in a table in a row format of before MySQL 5.7. */
async function hasWholeKey(sequelize: Sequelize): Promise<boolean> {
  const [column] = await sequelize.query<{ Sub_part: number | null }>(
    "show index from cSessionInfo where Key_name = 'app_login' and Seq_in_index = 1",
    { type: QueryTypes.SELECT },
  );
  return column !== undefined && column.Sub_part === null;
}

export function branchOfApp(appid: string | null): Branch {
  return appid === null ? { sql: 'appid is null' } : { sql: 'appid = ?', value: appid };
}

export interface Listing {
  readonly branches: readonly Branch[];
  readonly time: SessionTime;
  /** Seconds since 1970, both included. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/**
 * SQL for the next rows of a listing: `id` and `at`, which is the time. Each branch is read from its index in its order, no further than the page
 * needs; those who share the second of the place before those who are older.
 */
export function pageSql(
  { branches, time, from, to }: Listing,
  after: Place | undefined,
  count: number,
): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const values: (string | number)[] = [];
  const range = (upper: string | undefined): string => {
    const parts: string[] = [];
    if (from !== undefined) {
      parts.push(` and ${time} >= ?`);
      values.push(toWallClock(from));
    }
    if (upper !== undefined) {
      parts.push(` and ${time} ${after === undefined ? '<=' : '<'} ?`);
      values.push(upper);
    }
    return parts.join('');
  };
  const select = (branch: Branch, rest: () => string): string => {
    if (branch.value !== undefined) values.push(branch.value);
    return `(select id, ${time} as at from cSessionInfo where ${branch.sql}${rest()} order by ${time} desc, id desc limit ${count})`;
  };
  const upper = after === undefined ? (to === undefined ? undefined : toWallClock(to)) : after.at;
  const selects = branches.flatMap((branch) => [
    ...(after === undefined
      ? []
      : [
          select(branch, () => {
            values.push(after.at, after.row);
            return ` and ${time} = ? and id < ?`;
          }),
        ]),
    select(branch, () => range(upper)),
  ]);
  return {
    sql: `select id, at from (${selects.join(' union all ')}) t order by at desc, id desc limit ${count}`,
    values,
  };
}
