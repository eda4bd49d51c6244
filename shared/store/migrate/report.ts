import type { Connection, RowDataPacket } from 'mysql2/promise';

/** A row of cSessionInfo that the adoption deleted. Holds no secrets. */
export interface DroppedRow {
  /** Primary key of the deleted row in cSessionInfo. */
  readonly id: number;
  readonly uuid: string;
  readonly openId: string;
  /** UTC+8 wall-clock, `2026-11-22 20:00:00`, as stored; zero dates occur. */
  readonly lastVisitTime: string;
  /** Primary key of the row of this uuid that stays. */
  readonly keptId: number;
  readonly reason: string;
}

export interface MigrationReport {
  readonly database: string;
  /** Whether the database itself was missing. */
  readonly created: boolean;
  /** Names of the migrations that this run applied, in order; empty if there was nothing to do. */
  readonly applied: readonly string[];
  /** What the adoption dropped, if this run finished it. cWaferDropped keeps it for later. */
  readonly dropped: readonly DroppedRow[];
}

export async function readDropped(connection: Connection): Promise<DroppedRow[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'select row_id, uuid, open_id, last_visit_time, kept_id, reason from cWaferDropped order by row_id, id',
  );
  return rows.map((row) => ({
    id: Number(row['row_id']),
    uuid: String(row['uuid']),
    openId: String(row['open_id']),
    lastVisitTime: String(row['last_visit_time']),
    keptId: Number(row['kept_id']),
    reason: String(row['reason']),
  }));
}

/** The report as text for a terminal, without a final newline. */
export function formatReport({ database, created, applied, dropped }: MigrationReport): string {
  if (applied.length === 0) return `${database}: nothing to do, the schema is current.`;
  const lines = [
    ...(created ? [`${database}: created.`] : []),
    `${database}: ${applied.length} migration${applied.length === 1 ? '' : 's'} applied: ${applied.join(', ')}.`,
    dropped.length === 0
      ? 'No row was dropped.'
      : `${dropped.length} row${dropped.length === 1 ? ' was' : 's were'} dropped from cSessionInfo (also listed in cWaferDropped):`,
    ...dropped.map(
      (row) =>
        `  row ${row.id}: uuid ${JSON.stringify(row.uuid)}, open_id ${JSON.stringify(row.openId)}, last visit ${row.lastVisitTime}; ${row.reason}, row ${row.keptId} stays`,
    ),
  ];
  return lines.join('\n');
}
