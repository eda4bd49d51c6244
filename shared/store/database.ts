import type { Socket } from 'node:net';
import mysql2 from 'mysql2';
import { BaseError, ConnectionAcquireTimeoutError, ConnectionError, Sequelize, type Options } from 'sequelize';
import type { DatabaseAddress } from '../config/database-url.ts';
import { allowSilence, createTransportSource, limitSilence, type TransportSource } from './database-socket.ts';
import { createPoolRenewal, type PoolRenewal } from './pool-renewal.ts';
import { createSessionSetter } from './session-settings.ts';
import { createSilenceGuard } from './silence-guard.ts';

/** A statement that has not answered by then loses its connection: a silent server must not hold up its callers. */
const statementTimeoutMs = 1500;
/** A caller waits for the connection too. */
const defaultConnectTimeoutMs = 1200;
/** Waiting for a connection of the pool, while others are opened or busy: longer than for one that is opened. */
const acquireExtraMs = 300;

/**
 * Opens a pool; it connects on first use. The caller closes it with `close()`.
 * @param options.takesSeveral one query may hold several statements, and they count with a `commit` among them
 */
export function openDatabase(
  address: DatabaseAddress,
  options: { readonly poolSize: number; readonly connectTimeoutMs?: number; readonly takesSeveral?: boolean },
): Sequelize {
  const { poolSize, connectTimeoutMs = defaultConnectTimeoutMs, takesSeveral = false } = options;
  const renewal = createPoolRenewal();
  const validate = (connection: object) => renewal.isCurrent(connection) && manager.validate(connection);
  const settings: Options & { keepDefaultTimezone: boolean } = {
    host: address.host,
    port: address.port,
    dialect: 'mysql',
    // It would look for the package by its name, past the one that is bundled.
    dialectModule: mysql2,
    logging: false,
    // Datetimes are read and written as UTC+8 text. Sequelize's own conversion would make Dates of them, and cost a function call for
    // each column of each row; the session's zone is set with everything else.
    keepDefaultTimezone: true,
    pool: { max: poolSize, min: 0, acquire: connectTimeoutMs + acquireExtraMs, idle: 30_000, validate },
    dialectOptions: {
      // The transport has its own.
      connectTimeout: 0,
      supportBigNumbers: true,
      dateStrings: true,
      typeCast: true,
      // Sequelize has put the values in: mysql2 would look through every statement for places that are not there any more.
      queryFormat: (sql: string) => sql,
      ...(takesSeveral ? { multipleStatements: true } : {}),
    },
    retry: { max: 0 },
  };
  const sequelize = new Sequelize(address.database, address.username, address.password, settings);
  const manager = sequelize.connectionManager as unknown as ConnectionManager;
  makeConnections(manager, createTransportSource(address, connectTimeoutMs), renewal, takesSeveral);
  limitStatements(sequelize);
  spareCallers(sequelize, renewal);
  return sequelize;
}

interface Connection {
  query(sql: string, done: (error: Error | null) => void): void;
  destroy(): void;
  readonly stream: Socket;
}

/** What is needed of the inside of Sequelize 6. */
interface ConnectionManager {
  connect(config: { readonly dialectOptions: object }): Promise<Connection>;
  validate(connection: object): boolean;
}

/** Has the pool's connections made over our transport, and made ours before anybody gets them. */
function makeConnections(
  manager: ConnectionManager,
  source: TransportSource,
  renewal: PoolRenewal,
  takesSeveral: boolean,
): void {
  const connect = manager.connect.bind(manager);
  const setSession = createSessionSetter(takesSeveral ? { autocommit: '0' } : {});
  manager.connect = async (config) => {
    try {
      return await source.connect(async (transport) => {
        const connection = await connect({
          ...config,
          dialectOptions: { ...config.dialectOptions, ...transport },
        });
        await setSession((sql) => run(connection, sql));
        allowSilence(connection.stream);
        renewal.noteConnection(connection);
        return connection;
      });
    } catch (error) {
      throw error instanceof BaseError ? error : new ConnectionError(error as Error);
    }
  };
}

function run(connection: Connection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Models run their statements by `query` too, so this is all of them. */
function spareCallers(sequelize: Sequelize, renewal: PoolRenewal): void {
  const guard = createSilenceGuard(isUnanswered);
  const query = sequelize.query.bind(sequelize) as (...args: unknown[]) => Promise<unknown>;
  const work = async (args: unknown[]) => {
    try {
      return await query(...args);
    } catch (error) {
      renewal.noteError(error);
      throw error;
    }
  };
  const guarded = (...args: unknown[]) => guard.run(() => work(args));
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

/** By this code Sequelize's pool knows a dead connection. */
const unansweredCode = 'ECONNRESET';

class StatementTimeoutError extends Error {
  readonly code = unansweredCode;

  constructor() {
    super(`the database did not answer within ${statementTimeoutMs} ms`);
    this.name = 'StatementTimeoutError';
  }
}
