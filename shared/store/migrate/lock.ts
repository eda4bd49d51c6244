import { createHash } from 'node:crypto';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { MigrationError } from './migration-error.ts';

const sliceSeconds = 5;

/**
 * Waits until no other process migrates this database, then keeps it so until the connection ends.
 *
 * The connection must be the one that does the work: if this process is killed inside a long ALTER, the server
 * finishes the statement before it ends the session, and with the session goes the lock. On a connection of its own the lock
 * would be free while the ALTER still runs.
 * @throws {MigrationError} migration_running after waitSeconds
 */
export async function lockDatabase(
  connection: Connection,
  database: string,
  waitSeconds: number,
  log: (line: string) => void,
): Promise<void> {
  // Names of locks are server-wide and at most 64 characters long.
  const name = `wafer-migrate-${createHash('sha256').update(database).digest('hex').slice(0, 32)}`;
  for (let waitedSeconds = 0; ; waitedSeconds += sliceSeconds) {
    const slice = Math.max(0, Math.min(sliceSeconds, waitSeconds - waitedSeconds));
    const [rows] = await connection.query<RowDataPacket[]>('select get_lock(?, ?) as locked', [name, slice]);
    if (Number(rows[0]?.['locked']) === 1) return;
    if (waitedSeconds + slice >= waitSeconds) {
      throw new MigrationError(
        'migration_running',
        `Another process has been migrating ${database} for more than ${waitSeconds} s. Wait for it, or end its session (show full processlist), then run this again.`,
      );
    }
    log(`waiting for another process that migrates ${database} (${waitedSeconds + slice} s)`);
  }
}
