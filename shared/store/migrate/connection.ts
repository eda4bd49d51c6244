import type { Socket } from 'node:net';
import { createConnection, type Connection } from 'mysql2/promise';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { allowSilence, createTransportSource } from '../database-socket.ts';
import { createSessionSetter } from '../session-settings.ts';

const connectTimeoutMs = 10_000;

/**
 * The one connection of a migration, without a database selected yet.
 * sql_mode '': under a strict mode an ALTER fails on the zero dates of old rows.
 */
export async function openMigrationConnection(address: DatabaseAddress, tableWaitSeconds: number): Promise<Connection> {
  const setSession = createSessionSetter({
    sql_mode: "''",
    // While ALTER waits for a table, everybody else queues behind it: better to give up early. An idle wait may be long.
    lock_wait_timeout: String(tableWaitSeconds),
    innodb_lock_wait_timeout: String(tableWaitSeconds),
    wait_timeout: '86400',
  });
  return createTransportSource(address, connectTimeoutMs).connect(async (transport) => {
    const connection = await createConnection({
      ...transport,
      host: address.host,
      user: address.username,
      password: address.password,
      charset: 'utf8mb4_unicode_ci',
      dateStrings: true,
      connectTimeout: 0,
    });
    // Without a listener a connection lost between two statements would end the process; the next statement reports it.
    connection.on('error', () => undefined);
    await setSession((sql) => connection.query(sql));
    allowSilence((connection as unknown as { connection: { stream: Socket } }).connection.stream);
    return connection;
  });
}

/**
 * Selects the database and creates it if it is missing.
 * @returns whether it was created
 */
export async function selectDatabase(connection: Connection, name: string): Promise<boolean> {
  const use = () => connection.query('use ??', [name]);
  try {
    await use();
    return false;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ER_BAD_DB_ERROR') throw error;
  }
  // Asked for only when needed: a user with rights on one existing database may not create any.
  await connection.query('create database if not exists ?? default character set utf8mb4 collate utf8mb4_unicode_ci', [
    name,
  ]);
  await use();
  return true;
}
