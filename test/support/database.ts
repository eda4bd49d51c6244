import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { createConnection } from 'mysql2/promise';

import { startMariadb } from '../../apps/local/servers/mariadb.ts';
import type { OnClose } from './closing.ts';
import { ensureServers } from './redis-server.ts';
import { startStatementProxy } from './statement-proxy.ts';
import { parseStatement, type Statement } from './statements.ts';
import { noteSecret } from './traces.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface TestDatabase {
  /** Random; the database exists and is empty. */
  readonly name: string;
  /** For the programs under test: a user with all rights on this database alone, through the counting proxy. */
  readonly url: string;
  /** root on the server itself, not through the proxy; no database. */
  readonly adminUrl: string;
  /** Runs SQL in this database as root, past the proxy: it is not counted and works while the database is cut. */
  readonly query: <Row = Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<Row[]>;
  /** The statements that came through `url` from the call of fn until its promise was fulfilled. One call at a time. */
  readonly countStatements: (fn: () => Promise<unknown>) => Promise<Statement[]>;
  /** Tells of each statement that comes through `url`, until the returned function is called. Not during `countStatements`. */
  readonly watchStatements: (listener: (text: string) => void) => () => void;
  /** As if the server were down, for the programs under test. */
  readonly cut: () => void;
  readonly restore: () => void;
  readonly close: () => Promise<void>;
}

/** A fresh database on the server of TEST_DATABASE_URL, or on a private one if that is not set. */
export async function createTestDatabase({ onClose }: { onClose?: OnClose } = {}): Promise<TestDatabase> {
  const server = await connectToServer();
  const admin = new URL(server.adminUrl);
  const name = `wafer_test_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  noteSecret('database password', password);
  const connection = await createConnection({ uri: server.adminUrl, multipleStatements: true });
  await connection.query(
    `create database \`${name}\` default character set utf8mb4 collate utf8mb4_unicode_ci;
     create user '${name}'@'%' identified by '${password}';
     grant all privileges on \`${name}\`.* to '${name}'@'%';
     use \`${name}\``,
  );
  const proxy = await startStatementProxy(admin.hostname, Number(admin.port || 3306));

  const close = async () => {
    await proxy.close();
    await connection.query(`drop database if exists \`${name}\`; drop user if exists '${name}'@'%'`);
    await connection.end();
    await server.close();
  };
  onClose?.(close);
  return {
    name,
    url: `mysql://${name}:${password}@127.0.0.1:${proxy.port}/${name}`,
    adminUrl: server.adminUrl,
    async query<Row>(sql: string, values?: unknown[]) {
      const [rows] = await connection.query(sql, values);
      return rows as Row[];
    },
    async countStatements(fn) {
      if (proxy.onStatement) throw new Error('countStatements is already running');
      const statements: Statement[] = [];
      proxy.onStatement = (text) => statements.push(parseStatement(text));
      try {
        await fn();
        return statements;
      } finally {
        proxy.onStatement = undefined;
      }
    },
    watchStatements(listener) {
      proxy.onStatement = listener;
      return () => void (proxy.onStatement = undefined);
    },
    cut: proxy.cut,
    restore: proxy.restore,
    close,
  };
}

async function connectToServer(): Promise<{ adminUrl: string; close: () => Promise<void> }> {
  const sharedUrl = process.env['TEST_DATABASE_URL'];
  if (sharedUrl) {
    const url = new URL(sharedUrl);
    url.pathname = '';
    return { adminUrl: url.href, close: async () => {} };
  }
  await ensureServers(['mariadb']);
  const folder = await createTemporaryFolder('mariadb');
  try {
    const server = await startMariadb({ dir: join(folder.path, 'mariadb'), ephemeral: true });
    const close = async () => {
      await server.stop();
      await folder.remove();
    };
    return { adminUrl: server.adminUrl, close };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
