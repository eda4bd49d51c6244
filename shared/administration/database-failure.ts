import { ConnectionError, type BaseError } from 'sequelize';
import type { DatabaseAddress } from '../config/database-url.ts';
import { explainAnswer } from '../store/server-answer.ts';
import { AdministrationFailure } from './failure.ts';

/** Puts what the driver or the server said into our words. Messages of the server can quote data, so only its code is kept. */
export function describeDatabaseFailure(error: BaseError, address: DatabaseAddress): AdministrationFailure {
  const place = `${address.host}:${address.port}/${address.database}`;
  const code = (error as { parent?: { code?: string } }).parent?.code ?? error.name;
  const failure = (name: string, message: string) => new AdministrationFailure(name, message, { cause: error });
  if (code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_FIELD_ERROR') {
    return failure('schema_outdated', `A table or column is missing in ${place}. Run: npm run migrate`);
  }
  const said = explainAnswer((error as { parent?: unknown }).parent, address);
  if (said !== undefined && said.cause !== 'database_answers')
    return failure(said.cause, `The database at ${place} ${said.found}. ${said.remedy}`);
  if (said === undefined && (error instanceof ConnectionError || /^(E[A-Z]+|PROTOCOL_CONNECTION_LOST)$/.test(code))) {
    return failure(
      'database_unreachable',
      `No answer from the database at ${place} (${code}). Is it running, and is DATABASE_URL right?`,
    );
  }
  return failure('database_failed', `The database at ${place} refused a statement (${code}).`);
}
