import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { OnProgress } from './statement-progress.ts';

/** The migration's name in cWaferMigration. */
export const duplicateIdsName = '0004-duplicate-ids';

const droppedReason = 'older row of the same uuid';

export interface DuplicateIdsOptions {
  readonly onProgress?: OnProgress | undefined;
  /** Rows of the index that one look-up reads. */
  readonly pageSize?: number;
  /** Rows that one transaction locks and deletes at most. */
  readonly chunkSize?: number;
}

interface SessionRow extends RowDataPacket {
  id: number;
  /** Exact bytes: the column's collation takes no notice of case and trailing spaces. */
  uuidHex: string;
  lastVisitTime: string;
}

interface LockedRow extends SessionRow {
  uuid: string;
  openId: string;
}

/**
 * Of several rows with exactly the same uuid keeps the newest (greatest last_visit_time, then id), as
 * docs/protocol.md#duplicates says; the others are written to cWaferDropped and deleted. No other row is touched.
 *
 * Walks the index auth(uuid,skey) in pages with plain reads, which lock nothing, so that the original can go on working beside it.
 * Killed half-way it starts over, and finds only what it has not dropped yet.
 */
export async function dropDuplicateIds(connection: Connection, options: DuplicateIdsOptions = {}): Promise<void> {
  const { onProgress, pageSize = 10_000, chunkSize = 500 } = options;
  let after: string | undefined;
  const rows = await estimateRows(connection);
  for (let pages = 1; ; pages += 1) {
    const upTo = await findPageEnd(connection, after, pageSize);
    for (const uuid of await findRepeated(connection, after, upTo)) {
      for (const group of await groupByBytes(connection, uuid)) await keepNewest(connection, group, chunkSize);
    }
    if (upTo === undefined) return;
    after = upTo;
    const done = pages * pageSize;
    onProgress?.(`${duplicateIdsName}: looks through about ${rows} rows`, done / Math.max(rows, done));
  }
}

/** As the server estimates them. */
async function estimateRows(connection: Connection): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "select table_rows as count from information_schema.tables where table_schema = database() and table_name = 'cSessionInfo'",
  );
  return Number(rows[0]?.['count'] ?? 0);
}

/** The last uuid of the page after `after`, or undefined if the rest of the table is one page. */
async function findPageEnd(
  connection: Connection,
  after: string | undefined,
  pageSize: number,
): Promise<string | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `select uuid from cSessionInfo ${after === undefined ? '' : 'where uuid > ?'} order by uuid limit 1 offset ?`,
    [...(after === undefined ? [] : [after]), pageSize - 1],
  );
  return rows[0] === undefined ? undefined : String(rows[0]['uuid']);
}

/** Uuids of the page that several rows share as the collation sees it; a group never spans two pages, as `after` and `upTo` compare likewise. */
async function findRepeated(
  connection: Connection,
  after: string | undefined,
  upTo: string | undefined,
): Promise<string[]> {
  const bounds = [...(after === undefined ? [] : ['uuid > ?']), ...(upTo === undefined ? [] : ['uuid <= ?'])];
  const [rows] = await connection.query<RowDataPacket[]>(
    `select min(uuid) as uuid from cSessionInfo ${bounds.length === 0 ? '' : `where ${bounds.join(' and ')}`} group by cSessionInfo.uuid having count(*) > 1`,
    [after, upTo].filter((bound) => bound !== undefined),
  );
  return rows.map((row) => String(row['uuid']));
}

/** Ids of the rows whose uuid is the same byte for byte, newest first; only groups of two and more. */
async function groupByBytes(connection: Connection, uuid: string): Promise<number[][]> {
  const [rows] = await connection.query<SessionRow[]>(
    'select id, hex(uuid) as uuidHex, last_visit_time as lastVisitTime from cSessionInfo where uuid = ?',
    [uuid],
  );
  const groups = new Map<string, SessionRow[]>();
  for (const row of rows) {
    const group = groups.get(row.uuidHex);
    if (group === undefined) groups.set(row.uuidHex, [row]);
    else group.push(row);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => group.toSorted(newestFirst).map((row) => row.id));
}

/** A zero date sorts first as text, as it should. */
function newestFirst(a: SessionRow, b: SessionRow): number {
  if (a.lastVisitTime !== b.lastVisitTime) return a.lastVisitTime < b.lastVisitTime ? 1 : -1;
  return b.id - a.id;
}

async function keepNewest(connection: Connection, ids: readonly number[], chunkSize: number): Promise<void> {
  let [keptId] = ids;
  for (let next = 1; next < ids.length && keptId !== undefined; next += chunkSize) {
    keptId = await dropOlder(connection, [keptId, ...ids.slice(next, next + chunkSize)]);
  }
}

/**
 * One short transaction that locks these rows only. Looks again which is the newest: a visit or a login that the original
 * wrote meanwhile counts.
 * @returns the id of the row that stays, undefined if none of them exists any more
 */
async function dropOlder(connection: Connection, ids: readonly number[]): Promise<number | undefined> {
  await connection.beginTransaction();
  try {
    const [rows] = await connection.query<LockedRow[]>(
      `select id, uuid, hex(uuid) as uuidHex, open_id as openId, last_visit_time as lastVisitTime
        from cSessionInfo where id in (?) order by id for update`,
      [ids],
    );
    const [kept, ...older] = rows.toSorted(newestFirst);
    if (kept !== undefined && older.length > 0) await moveToDropped(connection, kept.id, older);
    await connection.commit();
    return kept?.id;
  } catch (error) {
    await connection.rollback().catch(() => undefined);
    throw error;
  }
}

async function moveToDropped(connection: Connection, keptId: number, older: readonly LockedRow[]): Promise<void> {
  const olderIds = older.map((row) => row.id);
  await connection.query(
    'insert into cWaferDropped (row_id, uuid, open_id, last_visit_time, kept_id, reason) values ?',
    [older.map((row) => [row.id, row.uuid, row.openId, row.lastVisitTime, keptId, droppedReason])],
  );
  // A row that was kept so far may have been overtaken; what was dropped in its favour is now kept by its successor.
  await connection.query('update cWaferDropped set kept_id = ? where kept_id in (?)', [keptId, olderIds]);
  const [{ affectedRows }] = await connection.query<ResultSetHeader>('delete from cSessionInfo where id in (?)', [
    olderIds,
  ]);
  if (affectedRows !== olderIds.length)
    throw new Error(`${affectedRows} rows of cSessionInfo were deleted instead of ${olderIds.length}`);
}
