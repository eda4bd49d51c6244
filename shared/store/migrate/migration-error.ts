export type MigrationFault =
  | 'database_url_missing'
  | 'database_url_invalid'
  | 'database_unreachable'
  | 'database_wants_tls'
  | 'access_denied'
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
const denied = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
]);

/**
 * Puts what the driver or the server said into our words.
 * @param address host:port/database, for the message
 */
export function describeFault(error: unknown, address: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const { code = '', message } =
    error instanceof Error ? (error as Error & { code?: string }) : { message: String(error) };
  const reason = message === '' ? code : message;
  if (unreachable.has(code)) {
    return new MigrationError(
      'database_unreachable',
      `No answer from the database at ${address} (${reason}). Is it running, and is DATABASE_URL right?`,
      { cause: error },
    );
  }
  if (denied.has(code)) {
    return new MigrationError(
      'access_denied',
      `The database at ${address} refuses: ${reason}. The user needs all privileges on this database (create, alter, index, select, insert, update, delete).`,
      { cause: error },
    );
  }
  if (code === 'ER_LOCK_WAIT_TIMEOUT') {
    return new MigrationError(
      'table_busy',
      `A transaction of somebody else keeps a table of ${address} busy (show full processlist names it). Nothing is half done: run the migration again when it has ended.`,
      { cause: error },
    );
  }
  return new MigrationError(
    'migration_failed',
    `${address}: ${reason}. What was done stays done; run the migration again once this is resolved.`,
    { cause: error },
  );
}
