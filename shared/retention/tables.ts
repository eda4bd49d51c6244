import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { redactGone } from '../erasure/audit-redaction.ts';
import type { VisitLog } from '../session/visit-log.ts';
import { toWallClock } from '../session/wall-clock.ts';
import { readApps, readAppsLocked } from '../store/app-reader.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { inTransaction } from '../store/in-transaction.ts';
import type { AppInfo } from '../store/models.ts';
import { endedBeforeSql } from './ended-rows.ts';
import type { RetentionPart, RetentionSettings } from './settings.ts';

/** A table that rows leave, by primary key, a few hundred at a time. */
export interface RetentionTable {
  readonly part: RetentionPart;
  /** The next rows behind this primary key: that of the last one, and how many they are; undefined if there are none. */
  findWindow(after: number): Promise<{ readonly last: number; readonly rows: number } | undefined>;
  /** How many rows with `after` < primary key <= `last` are to leave. */
  count(after: number, last: number): Promise<number>;
  /**
   * Removes them, in one transaction.
   * @param isFirst nothing has left the table in this run yet
   * @returns how many have left
   */
  remove(after: number, last: number, isFirst: boolean): Promise<number>;
}

/** Rows that are looked at in one statement, and leave in one transaction at most. */
const windowRows = 500;
/** Beyond the days: clocks of front ends that are behind, and the seconds that a visit takes to MySQL. */
const safetySeconds = 3600;
const daySeconds = 86_400;

/** @param nowSeconds since 1970; rows are as old as they were then */
export function createRetentionTables(
  { sessionDays, auditDays }: RetentionSettings,
  deps: {
    readonly sequelize: Sequelize;
    readonly appInfo: AppInfo;
    readonly visits: VisitLog;
    readonly actor: Actor;
    readonly nowSeconds: number;
  },
): readonly RetentionTable[] {
  const { sequelize, appInfo, visits, actor, nowSeconds } = deps;
  const tables: RetentionTable[] = [];
  if (sessionDays !== undefined)
    tables.push(createSessions(sequelize, appInfo, visits, nowSeconds - safetySeconds - sessionDays * daySeconds));
  if (auditDays !== undefined) {
    const before = toWallClock(nowSeconds - safetySeconds - auditDays * daySeconds);
    const noteCut = (transaction: Transaction) =>
      recordAudit(
        sequelize,
        { actor, action: 'retention', target: 'audit', details: { cutBefore: before } },
        transaction,
      );
    tables.push(createPlain(sequelize, 'audit', 'cWaferAudit', { column: 'at', before, noteCut }));
    tables.push(createPlain(sequelize, 'dropped', 'cWaferDropped', { column: 'dropped_at', before }));
  }
  return tables;
}

/** A row that is to leave, by primary key, and whom it names. */
interface LeavingRow {
  readonly row: number;
  readonly id: string;
  readonly open_id: string;
  readonly union_id: string | null;
}

/** Sessions that nobody accepts any more, for so long. */
function createSessions(sequelize: Sequelize, appInfo: AppInfo, visits: VisitLog, endedBefore: number): RetentionTable {
  const find = async (after: number, last: number): Promise<LeavingRow[]> => {
    const apps = await readApps(appInfo);
    if (apps.length === 0) return [];
    const { sql, replacements } = endedBeforeSql(apps, endedBefore);
    const rows = await sequelize.query<LeavingRow>(
      `select id as \`row\`, uuid as id, open_id, union_id from cSessionInfo where id > :after and id <= :last and ${sql}`,
      { replacements: { ...replacements, after, last }, type: QueryTypes.SELECT },
    );
    if (rows.length === 0) return rows;
    // As a rule they are in MySQL within ten seconds. While they can't be written there, for days, sessions live by these.
    const { visits: onTheirWay } = await visits.read(rows.map(({ row }) => row));
    return rows.filter(({ row }) => !onTheirWay.has(row));
  };
  return {
    part: 'sessions',
    findWindow: (after) => findWindow(sequelize, 'cSessionInfo', after),
    count: async (after, last) => (await find(after, last)).length,
    async remove(after, last) {
      const leaving = await find(after, last);
      if (leaving.length === 0) return 0;
      return inTransaction(sequelize, async (transaction) => {
        // Limits that become longer meanwhile wait, and so does the original when it is set up anew.
        const apps = await readAppsLocked(appInfo, transaction);
        if (apps.length === 0) return 0;
        const { sql, replacements } = endedBeforeSql(apps, endedBefore);
        // Once more: a log-in or a visit since then keeps its row.
        const removed = await sequelize.query(`delete from cSessionInfo where id in (:rows) and ${sql}`, {
          replacements: { ...replacements, rows: leaving.map(({ row }) => row) },
          type: QueryTypes.BULKDELETE,
          transaction,
        });
        if (removed > 0) await redactGone(sequelize, leaving, transaction);
        return removed;
      });
    },
  };
}

/** Rows that say themselves how old they are. */
function createPlain(
  sequelize: Sequelize,
  part: RetentionPart,
  table: string,
  options: {
    readonly column: string;
    /** UTC+8 */
    readonly before: string;
    readonly noteCut?: (transaction: Transaction) => Promise<void>;
  },
): RetentionTable {
  const { column, before, noteCut } = options;
  const where = `id > :after and id <= :last and ${column} < :before`;
  return {
    part,
    findWindow: (after) => findWindow(sequelize, table, after),
    async count(after, last) {
      const [row] = await sequelize.query<{ count: number | string }>(
        `select count(*) as count from ${table} where ${where}`,
        { replacements: { after, last, before }, type: QueryTypes.SELECT },
      );
      return Number(row?.count ?? 0);
    },
    remove: (after, last, isFirst) =>
      inTransaction(sequelize, async (transaction) => {
        const removed = await sequelize.query(`delete from ${table} where ${where}`, {
          replacements: { after, last, before },
          type: QueryTypes.BULKDELETE,
          transaction,
        });
        if (removed > 0 && isFirst) await noteCut?.(transaction);
        return removed;
      }),
  };
}

async function findWindow(
  sequelize: Sequelize,
  table: string,
  after: number,
): Promise<{ last: number; rows: number } | undefined> {
  const [row] = await sequelize.query<{ last: number | string | null; found: number | string }>(
    `select max(id) as last, count(*) as found
     from (select id from ${table} where id > :after order by id limit ${windowRows}) w`,
    { replacements: { after }, type: QueryTypes.SELECT },
  );
  return row?.last == null ? undefined : { last: Number(row.last), rows: Number(row.found) };
}
