import { QueryTypes } from 'sequelize';
import { toApps, type Apps } from '../session/app-settings.ts';
import { readEnds } from '../session/ended-skeys.ts';
import { fromWallClock, nowSeconds } from '../session/wall-clock.ts';
import type { VisitLog } from '../session/visit-log.ts';
import { readApps } from '../store/app-reader.ts';
import { isEndedSkey } from '../store/session-ender.ts';
import { readCursor, writeCursor } from './cursor.ts';
import {
  branchOfApp,
  findAppBranches,
  pageSql,
  toNumbers,
  toPlace,
  type Branch,
  type Listing,
  type Place,
} from './search-order.ts';
import { detail, type SessionDetails } from './session-details.ts';
import { stateOf, type SessionState } from './session-state.ts';
import { readSessionRows } from './sessions.ts';
import type { OpenDatabase } from './stores.ts';

/** Which sessions are meant: those for which all of it is true. Times are seconds since 1970, both ends included. */
export interface SessionFilters {
  /** The id on the wire. */
  readonly id?: string | undefined;
  readonly openId?: string | undefined;
  readonly unionId?: string | undefined;
  readonly appid?: string | undefined;
  readonly state?: SessionState | undefined;
  readonly loggedInFrom?: number | undefined;
  readonly loggedInTo?: number | undefined;
  /** Of visits that are in MySQL: within ten seconds they are. */
  readonly visitedFrom?: number | undefined;
  readonly visitedTo?: number | undefined;
}

export interface SessionPage {
  readonly sessions: readonly SessionDetails[];
  /** For the page behind this one; undefined: there is none. */
  readonly next: string | undefined;
  /** Sessions that were looked at for this page, whether they are meant or not. */
  readonly looked: number;
}

/**
 * No index knows states: where few sessions are in the one that is asked for, a page ends after so many that are not, or when it has taken so
 * long, and the next goes on there.
 */
const maxLooked = 5000;
const maxLookMs = 60;
/** Of sessions that are looked at together, after the first that a page may need: as many as the time allows, by how long those before took. */
const chunkRows = { most: 250, least: 20 } as const;

/**
 * A page of sessions: by the last visit if that is asked for, else by the log-in, the latest first. It costs the same wherever it lies in a table of
 * any size: nothing is counted, and nothing passed over.
 * @param visitLog undefined: visits that are on their way to MySQL are not looked at
 * @throws {UnfitRequest} if the cursor is not of these filters
 */
export async function searchSessions(
  { sequelize, appInfo, sessionInfo }: OpenDatabase,
  visitLog: Pick<VisitLog, 'read'> | undefined,
  filters: SessionFilters,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<SessionPage> {
  const startedAt = performance.now();
  const apps = toApps(await readApps(appInfo));
  const listing = await toListing(sequelize, filters, apps);
  let place = cursor === undefined ? undefined : toPlace(readCursor(cursor, filters, 2));
  const now = nowSeconds();
  const pendingOf = async (rows: readonly number[]): Promise<ReadonlyMap<number, { readonly time: number }>> =>
    visitLog === undefined || rows.length === 0 ? new Map() : (await visitLog.read(rows)).visits;

  let chunkSize = limit + 1;
  const found: number[] = [];
  let looked = 0;
  let isOver = false;
  do {
    const rows = await readChunk(sequelize, listing, place, chunkSize);
    const pending = filters.state === undefined ? new Map() : await pendingOf(rows.map(({ id }) => id));
    let taken = 0;
    for (const row of rows) {
      if (found.length === limit) break;
      taken++;
      place = { at: row.at, row: row.id };
      if (isMeant(row, filters, apps, now, pending.get(row.id)?.time)) found.push(row.id);
    }
    looked += taken;
    isOver = rows.length < chunkSize && taken === rows.length;
    const tookMs = performance.now() - startedAt;
    chunkSize = Math.min(chunkRows.most, Math.floor((looked * (maxLookMs - tookMs)) / tookMs));
  } while (!isOver && found.length < limit && looked < maxLooked && chunkSize >= chunkRows.least);

  const [sessions, pending] = await Promise.all([readSessionRows(sessionInfo, found), pendingOf(found)]);
  return {
    sessions: sessions.map((session) => {
      const pendingVisitTime = pending.get(session.row)?.time;
      const inRedis = { cached: 'unknown' as const, ...(pendingVisitTime === undefined ? {} : { pendingVisitTime }) };
      return detail(session, inRedis, apps, now);
    }),
    next: isOver || place === undefined ? undefined : writeCursor(filters, toNumbers(place)),
    looked,
  };
}

/** Which index the list is read from. */
async function toListing(sequelize: OpenDatabase['sequelize'], filters: SessionFilters, apps: Apps): Promise<Listing> {
  const { id, openId, unionId, appid, loggedInFrom, loggedInTo, visitedFrom, visitedTo } = filters;
  const isByVisit = visitedFrom !== undefined || visitedTo !== undefined;
  const times = isByVisit
    ? ({ time: 'last_visit_time', from: visitedFrom, to: visitedTo } as const)
    : ({ time: 'create_time', from: loggedInFrom, to: loggedInTo } as const);
  const few: Branch | undefined =
    id !== undefined
      ? { sql: 'uuid = ?', value: id }
      : openId !== undefined
        ? { sql: 'open_id = ?', value: openId }
        : unionId !== undefined
          ? { sql: 'union_id = ?', value: unionId }
          : undefined;
  if (few !== undefined) return { branches: [few], ...times };
  if (appid === undefined) return { branches: await findAppBranches(sequelize), ...times };
  const isDefault = appid === apps.default?.appid;
  return { branches: [appid, ...(isDefault ? ['', null] : [])].map(branchOfApp), ...times };
}

interface LookedRow {
  readonly id: number;
  /** The time of the listing. */
  readonly at: string;
  readonly uuid: string;
  readonly skey: string;
  readonly open_id: string;
  readonly union_id: string | null;
  readonly appid: string | null;
  readonly create_time: string;
  readonly last_visit_time: string;
  readonly fence: number | string;
  readonly ended_skeys: Buffer | null;
}

function readChunk(
  sequelize: OpenDatabase['sequelize'],
  listing: Listing,
  place: Place | undefined,
  count: number,
): Promise<LookedRow[]> {
  if (listing.branches.length === 0) return Promise.resolve([]);
  const { sql, values } = pageSql(listing, place, count);
  return sequelize.query<LookedRow>(
    `select s.id, p.at, s.uuid, s.skey, s.open_id, s.union_id, s.appid, s.create_time, s.last_visit_time, s.fence, s.ended_skeys
     from (${sql}) p join cSessionInfo s on s.id = p.id order by p.at desc, p.id desc`,
    { replacements: [...values], type: QueryTypes.SELECT },
  );
}

/** The indexes compare by a collation; here names count by exact bytes. */
function isMeant(
  row: LookedRow,
  { id, openId, unionId, appid, state, loggedInFrom = 0, loggedInTo = Infinity }: SessionFilters,
  apps: Apps,
  now: number,
  pendingVisitTime: number | undefined,
): boolean {
  const createTime = fromWallClock(row.create_time);
  if (id !== undefined && row.uuid !== id) return false;
  if (openId !== undefined && row.open_id !== openId) return false;
  if (unionId !== undefined && row.union_id !== unionId) return false;
  if (appid !== undefined && (row.appid || apps.default?.appid) !== appid) return false;
  if (createTime < loggedInFrom || createTime > loggedInTo) return false;
  if (state === undefined) return true;
  const session = {
    appid: row.appid ?? '',
    createTime,
    lastVisitTime: fromWallClock(row.last_visit_time),
    fence: Number(row.fence),
    isEnded: isEndedSkey(row.skey),
    ends: readEnds(row.ended_skeys),
  };
  return stateOf(session, apps, now, pendingVisitTime) === state;
}
