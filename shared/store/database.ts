import { connect, type Socket } from 'node:net';
import { ConnectionAcquireTimeoutError, ConnectionError, Sequelize, type Options } from 'sequelize';
import type { DatabaseAddress } from '../config/database-url.ts';
import { ifStillSilent } from '../patience.ts';
import { createSilenceGuard } from './silence-guard.ts';

/** A statement that has not answered by then loses its connection: a silent server must not hold up its callers. */
const statementTimeoutMs = 1500;
/** A caller waits for the connection too. */
const defaultConnectTimeoutMs = 1200;
/** Waiting for a connection of the pool, while others are opened or busy: longer than for one that is opened. */
const acquireExtraMs = 300;

/** Opens a pool; it connects on first use. The caller closes it with `close()`. */
export function openDatabase(
  address: DatabaseAddress,
  { poolSize, connectTimeoutMs = defaultConnectTimeoutMs }: { poolSize: number; connectTimeoutMs?: number },
): Sequelize {
  const options: Options & { keepDefaultTimezone: boolean } = {
    host: address.host,
    port: address.port,
    dialect: 'mysql',
    logging: false,
    // Datetimes are read and written as UTC+8 text, so the session's zone does not matter: no statement to set it. Sequelize's own
    // conversion would make Dates of them, and cost a function call for each column of each row.
    keepDefaultTimezone: true,
    pool: { max: poolSize, min: 0, acquire: connectTimeoutMs + acquireExtraMs, idle: 30_000 },
    dialectOptions: {
      stream: () => openStream(address, connectTimeoutMs),
      // The stream has its own.
      connectTimeout: 0,
      supportBigNumbers: true,
      dateStrings: true,
      typeCast: true,
      // Sequelize has put the values in: mysql2 would look through every statement for places that are not there any more.
      queryFormat: (sql: string) => sql,
    },
    retry: { max: 0 },
  };
  const sequelize = new Sequelize(address.database, address.username, address.password, options);
  sequelize.addHook('afterConnect', fixSyntax);
  limitStatements(sequelize);
  spareCallers(sequelize);
  return sequelize;
}

/**
 * Values are escaped with backslashes, as UTF-8. A server that is set to take a backslash for a plain character, or whose character
 * set has one as the second byte of another, would see the end of a string where there is none.
 */
const syntax = `set session character_set_client = utf8mb4, session character_set_connection = utf8mb4,
  session character_set_results = utf8mb4,
  session sql_mode = if(find_in_set('NO_BACKSLASH_ESCAPES', @@sql_mode) > 0, '', @@sql_mode)`;

function fixSyntax(connection: unknown): Promise<void> {
  const { query, stream } = connection as {
    query(sql: string, done: (error: Error | null) => void): void;
    readonly stream: Socket;
  };
  return new Promise((resolve, reject) => {
    query.call(connection, syntax, (error) => {
      stream.setTimeout(0);
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** What mysql2 does by itself, but for the time-out. */
function openStream({ host, port }: DatabaseAddress, connectTimeoutMs: number): Socket {
  const stream = connect({ host, port, noDelay: true, keepAlive: true });
  limitSilence(stream, connectTimeoutMs, () => new ConnectTimeoutError(connectTimeoutMs));
  return stream;
}

/** Ends the connection if nothing is received for so long; until `setTimeout(0)`. */
function limitSilence(stream: Socket, limitMs: number, createError: () => Error): void {
  stream.removeAllListeners('timeout');
  stream.setTimeout(limitMs, () => ifStillSilent(stream, () => stream.destroy(createError())));
}

/** Models run their statements by `query` too, so this is all of them. */
function spareCallers(sequelize: Sequelize): void {
  const guard = createSilenceGuard(isUnanswered);
  const query = sequelize.query.bind(sequelize) as (...args: unknown[]) => Promise<unknown>;
  const guarded = (...args: unknown[]) => guard.run(() => query(...args));
  sequelize.query = guarded as typeof sequelize.query;
}

/** Not an answer of the server to a statement: it could not be reached, or took too long. */
function isUnanswered(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof ConnectionAcquireTimeoutError) return true;
  const { fatal, code } = (error as { parent?: { fatal?: boolean; code?: string } }).parent ?? {};
  return fatal === true || code === unansweredCode;
}

interface WithStream {
  readonly connection?: { readonly stream?: Socket };
}

function limitStatements(sequelize: Sequelize): void {
  const streamOf = (query: unknown) => (query as WithStream).connection?.stream;
  sequelize.addHook('beforeQuery', (_options: unknown, query: unknown) => {
    const stream = streamOf(query);
    if (stream) limitSilence(stream, statementTimeoutMs, () => new StatementTimeoutError());
  });
  sequelize.addHook('afterQuery', (_options: unknown, query: unknown) => {
    streamOf(query)?.setTimeout(0);
  });
}

class ConnectTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(limitMs: number) {
    super(`no connection to the database within ${limitMs} ms`);
    this.name = 'ConnectTimeoutError';
  }
}

/** By this code Sequelize's pool knows a dead connection. */
const unansweredCode = 'ECONNRESET';

class StatementTimeoutError extends Error {
  readonly code = unansweredCode;

  constructor() {
    super(`the database did not answer within ${statementTimeoutMs} ms`);
    this.name = 'StatementTimeoutError';
  }
}
