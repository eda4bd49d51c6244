import type { BaseError } from 'sequelize';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { explainAnswer } from '../../store/server-answer.ts';
import { describeDatabaseFailure } from '../database-failure.ts';
import { fault, type Finding } from './finding.ts';

const check = 'database.reachable';

/** Why no statement got through, in our words. Messages of the server can quote data, so only its code is used. */
export function describeFailure(error: BaseError, address: DatabaseAddress): Finding {
  const place = `${address.host}:${address.port}`;
  const attempt = `Try: mysql -h ${address.host} -P ${address.port} -u ${address.username} -p ${address.database}`;
  const code = findCode(error);
  const said = explainAnswer((error as { parent?: unknown }).parent, address);
  if (said !== undefined)
    return fault(
      check,
      `MySQL at ${place} ${said.found}`,
      `${said.remedy}${said.cause === 'database_missing' ? '' : `. ${attempt}`}`,
      said.cause,
    );
  if (code === 'ECONNREFUSED') {
    return fault(
      check,
      `nothing listens at ${place} (${code})`,
      `Start MySQL, or correct DATABASE_URL. ${attempt}`,
      'database_down',
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fault(
      check,
      `the host ${address.host} has no address (${code})`,
      'Correct DATABASE_URL, or the DNS.',
      'database_host',
    );
  if (/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|SequelizeConnectionAcquireTimeoutError)$/.test(code) || isLate(error)) {
    return fault(
      check,
      `MySQL at ${place} does not answer (${code}): packets get lost on the way, or the server hangs`,
      `Look at firewall and network between here and there, then at the server's disk and processlist. ${attempt}`,
      'database_silent',
    );
  }
  const failure = describeDatabaseFailure(error, address);
  return fault(check, failure.message, `Start it, or correct DATABASE_URL. ${attempt}`, failure.code);
}

export function findCode(error: unknown): string {
  return (error as { parent?: { code?: string } }).parent?.code ?? (error as Error).name;
}

const noSuchTable = 1146;
const noSuchColumn = 1054;

/** What a statement needs is not there, which the check of the schema explains. */
export function isIncomplete(error: unknown): boolean {
  const errno = (error as { parent?: { errno?: number } }).parent?.errno;
  return errno === noSuchTable || errno === noSuchColumn;
}

/** A statement whose time was up loses its connection. */
function isLate(error: BaseError): boolean {
  return (error as { parent?: Error }).parent?.name === 'StatementTimeoutError';
}
