/** After how many days rows leave MySQL; undefined: never. */
export interface RetentionSettings {
  /** Since a session ended. */
  readonly sessionDays: number | undefined;
  /** Since an entry was written, of the audit log and of the list of what the adoption dropped. */
  readonly auditDays: number | undefined;
}

export function isRetentionOn({ sessionDays, auditDays }: RetentionSettings): boolean {
  return sessionDays !== undefined || auditDays !== undefined;
}

/** What rows leave, by name. */
export const retentionParts = ['sessions', 'audit', 'dropped'] as const;
export type RetentionPart = (typeof retentionParts)[number];
