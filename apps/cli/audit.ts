import { QueryTypes, type Sequelize } from 'sequelize';
import type { AuditEntry } from '../../shared/store/audit.ts';

export interface RecordedEntry extends AuditEntry {
  readonly id: number;
  /** UTC+8 as `YYYY-MM-DD hh:mm:ss`, by the clock of the database. */
  readonly at: string;
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

/**
 * Entries of the audit log, newest first.
 * @param since UTC+8 as `YYYY-MM-DD hh:mm:ss`; undefined: from the beginning
 */
export async function readAudit(
  sequelize: Sequelize,
  { since, limit }: { readonly since?: string | undefined; readonly limit: number },
): Promise<RecordedEntry[]> {
  const rows = await sequelize.query<AuditRow>(
    `select id, at, os_user, host, by_name, action, target, details from cWaferAudit
     where at >= :since order by id desc limit :limit`,
    { replacements: { since: since ?? '1970-01-01 00:00:00', limit }, type: QueryTypes.SELECT },
  );
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    actor: { osUser: row.os_user, host: row.host, ...(row.by_name === null ? {} : { byName: row.by_name }) },
    action: row.action,
    ...(row.target === null ? {} : { target: row.target }),
    details: JSON.parse(row.details) as Record<string, unknown>,
  }));
}
