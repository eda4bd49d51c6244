import type { Socket } from 'node:net';
import { Sequelize, type Options } from 'sequelize';
import type { DatabaseAddress } from '../config/database-url.ts';

/** A statement that has not answered by then loses its connection: a silent server must not hold up its callers. */
const statementTimeoutMs = 1800;
const connectTimeoutMs = 1500;

/** Opens a pool; it connects on first use. The caller closes it with `close()`. */
export function openDatabase(address: DatabaseAddress, { poolSize }: { poolSize: number }): Sequelize {
  const options: Options & { keepDefaultTimezone: boolean } = {
    host: address.host,
    port: address.port,
    dialect: 'mysql',
    logging: false,
    // Datetimes are read and written as UTC+8 text, so the session's zone does not matter: no statement to set it. Sequelize's own
    // conversion would make Dates of them, and cost a function call for each column of each row.
    keepDefaultTimezone: true,
    pool: { max: poolSize, min: 0, acquire: connectTimeoutMs, idle: 30_000 },
    dialectOptions: { connectTimeout: connectTimeoutMs, supportBigNumbers: true, dateStrings: true, typeCast: true },
    retry: { max: 0 },
  };
  const sequelize = new Sequelize(address.database, address.username, address.password, options);
  limitStatements(sequelize);
  return sequelize;
}

interface WithStream {
  readonly connection?: { readonly stream?: Socket };
}

function limitStatements(sequelize: Sequelize): void {
  const streamOf = (query: unknown) => (query as WithStream).connection?.stream;
  sequelize.addHook('beforeQuery', (_options: unknown, query: unknown) => {
    const stream = streamOf(query);
    stream?.removeAllListeners('timeout');
    stream?.setTimeout(statementTimeoutMs, () => stream.destroy(new StatementTimeoutError()));
  });
  sequelize.addHook('afterQuery', (_options: unknown, query: unknown) => {
    streamOf(query)?.setTimeout(0);
  });
}

class StatementTimeoutError extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super(`the database did not answer within ${statementTimeoutMs} ms`);
    this.name = 'StatementTimeoutError';
  }
}
