import { AdministrationFailure } from '../../shared/administration/failure.ts';
import { withDatabase } from '../../shared/administration/stores.ts';
import { ConfigError } from '../../shared/config/config.ts';
import { recordAudit, type AuditEntry } from '../../shared/store/audit.ts';

/**
 * Adds an entry to the audit log for what is done already, by a command that works without the database too.
 * @returns why it is not recorded, if it is not
 */
export async function tryRecordAudit(env: NodeJS.ProcessEnv, entry: AuditEntry): Promise<string | undefined> {
  try {
    await withDatabase(env, ({ sequelize }) => recordAudit(sequelize, entry));
    return undefined;
  } catch (error) {
    if (!(error instanceof AdministrationFailure || error instanceof ConfigError)) throw error;
    return `Not in the audit log: ${error.message}`;
  }
}
