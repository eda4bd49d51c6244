import type { DatabaseAddress } from '../../config/database-url.ts';
import { explainAnswer } from '../server-answer.ts';

export type MigrationFault =
  | 'database_url_missing'
  | 'database_url_invalid'
  | 'database_unreachable'
  | 'database_wants_tls'
  | 'access_denied'
  | 'database_refuses'
  | 'not_adoptable'
  | 'migration_running'
  | 'table_busy'
  | 'migration_failed';

/** Why the database could not be migrated; the message says what to do and never holds the password. */
export class MigrationError extends Error {
  readonly code: MigrationFault;

  constructor(code: MigrationFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
    this.code = code;
  }
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'PROTOCOL_CONNECTION_LOST',
]);
/**
 * Puts what the driver or the server said into our words.
 */
export function describeFault(error: unknown, address: DatabaseAddress): MigrationError {
  if (error instanceof MigrationError) return error;
  const { code = '', message } =
    error instanceof Error ? (error as Error & { code?: string }) : { message: String(error) };
  const place = `${address.host}:${address.port}/${address.database}`;
  const reason = message === '' ? code : message;
  if (unreachable.has(code)) {
    return new MigrationError(
      'database_unreachable',
      `No answer from the database at ${place} (${reason}). Is it running, and is DATABASE_URL right?`,
      { cause: error },
    );
  }
  const said = explainAnswer(error, address);
  if (said !== undefined && said.cause !== 'database_answers') {
    const fault = said.cause === 'access_denied' ? 'access_denied' : 'database_refuses';
    return new MigrationError(fault, `The database at ${place} ${said.found}. ${said.remedy}`, {
      cause: error,
    });
  }
  if (code === 'ER_LOCK_WAIT_TIMEOUT') {
    return new MigrationError(
      'table_busy',
      `A transaction of somebody else keeps a table of ${place} busy (show full processlist names it). Nothing is half done: run the migration again when it has ended.`,
      { cause: error },
    );
  }
  return new MigrationError(
    'migration_failed',
    `${place}: ${reason}. What was done stays done; run the migration again once this is resolved.`,
    { cause: error },
  );
}
