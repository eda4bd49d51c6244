import { QueryTypes, type Sequelize } from 'sequelize';
import { fromWallClock, toWallClock } from '../session/wall-clock.ts';
import type { AuditEntry } from '../store/audit.ts';
import { readCursor, writeCursor } from './cursor.ts';

export interface RecordedEntry extends AuditEntry {
  readonly id: number;
  /** UTC+8 as `YYYY-MM-DD hh:mm:ss`, by the clock of the database. */
  readonly at: string;
}

/** Which entries are meant; what is undefined is not asked for. Times are seconds since 1970. */
export interface AuditFilters {
  /** As the command is called, such as `app set`. */
  readonly action?: string | undefined;
  /** A part of what was changed: an appid, an open_id, … */
  readonly target?: string | undefined;
  /** The name of who did it: of the operating system, of an operator of the console, or as given by `--by`. */
  readonly by?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface AuditPage {
  readonly entries: readonly RecordedEntry[];
  /** For the entries behind these; undefined: there are none. A page may hold fewer than asked for, and others come behind it. */
  readonly next: string | undefined;
}

interface AuditRow {
  readonly id: number;
  readonly at: string;
  readonly os_user: string;
  readonly host: string;
  readonly by_name: string | null;
  readonly action: string;
  readonly target: string | null;
  readonly details: string;
}

/** Entries that one page looks at: what is rare is searched for over several pages, each of which takes little time. */
const maxLooked = 20_000;

/** Entries of the audit log, newest first. @throws {UnfitRequest} if the cursor is not of these filters */
export async function readAudit(
  sequelize: Sequelize,
  filters: AuditFilters,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<AuditPage> {
  const { action, target, by, from = 0, to } = filters;
  const [place] = cursor === undefined ? [undefined] : readCursor(cursor, filters, 1);
  const before = place ?? (await findStart(sequelize, to));
  const oldest = await findOldestLooked(sequelize, before);
  const conditions = [
    'id < :before and id >= :oldest and at >= :from and at <= :to',
    ...(action === undefined ? [] : ['action = :action']),
    ...(target === undefined ? [] : ['locate(:target, target) > 0']),
    ...(by === undefined ? [] : ['(os_user = :by or by_name in (:names))']),
  ];
  const rows = await sequelize.query<AuditRow>(
    `select id, at, os_user, host, by_name, action, target, details from cWaferAudit
     where ${conditions.join(' and ')} order by id desc limit :limit`,
    {
      replacements: {
        before,
        oldest: oldest?.id ?? 0,
        from: toWallClock(from),
        to: toWallClock(to ?? farFuture),
        limit: limit + 1,
        ...(action === undefined ? {} : { action }),
        ...(target === undefined ? {} : { target }),
        ...(by === undefined ? {} : { by, names: namesOf(by) }),
      },
      type: QueryTypes.SELECT,
    },
  );
  const entries = rows.slice(0, limit).map(toEntry);
  const isOver = oldest === undefined || fromWallClock(oldest.at) < from - clockSlackSeconds;
  const last = rows.length > limit ? entries.at(-1)?.id : isOver ? undefined : oldest.id;
  return { entries, next: last === undefined ? undefined : writeCursor(filters, [last]) };
}

/** Whoever acts through something else stands in the log with what they are. */
function namesOf(by: string): string[] {
  return [by, `operator ${by}`, `caller ${by}`];
}

/** 9998: later than any. */
const farFuture = 253_370_736_000;
/** The database's clock may have been set back between two entries, by less than this. */
const clockSlackSeconds = 3600;

/** Above the last entry that can be meant. */
async function findStart(sequelize: Sequelize, to: number | undefined): Promise<number> {
  if (to === undefined) return Number.MAX_SAFE_INTEGER;
  const [row] = await sequelize.query<{ id: number }>(
    'select id from cWaferAudit where at <= :to order by at desc, id desc limit 1',
    { replacements: { to: toWallClock(to + clockSlackSeconds) }, type: QueryTypes.SELECT },
  );
  return (row?.id ?? 0) + 1;
}

/** The last entry that this page looks at; undefined if it reaches the first one. */
async function findOldestLooked(
  sequelize: Sequelize,
  before: number,
): Promise<{ readonly id: number; readonly at: string } | undefined> {
  const [row] = await sequelize.query<{ id: number; at: string }>(
    `select id, at from cWaferAudit where id < :before order by id desc limit ${maxLooked - 1}, 1`,
    { replacements: { before }, type: QueryTypes.SELECT },
  );
  return row;
}

function toEntry(row: AuditRow): RecordedEntry {
  return {
    id: row.id,
    at: row.at,
    actor: { osUser: row.os_user, host: row.host, ...(row.by_name === null ? {} : { byName: row.by_name }) },
    action: row.action,
    ...(row.target === null ? {} : { target: row.target }),
    details: JSON.parse(row.details) as Record<string, unknown>,
  };
}

/** As programs get it. */
export function tellEntry({ id, at, actor, action, target, details }: RecordedEntry) {
  return {
    id,
    at: new Date(fromWallClock(at) * 1000).toISOString(),
    osUser: actor.osUser,
    host: actor.host,
    by: actor.byName ?? null,
    action,
    target: target ?? null,
    details,
  };
}
