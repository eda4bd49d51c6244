import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { QueryTypes, type Sequelize } from 'sequelize';
import { describeError, type Log } from '../log/log.ts';

const keyName = 'rpc';
const keyBytes = 32;

/**
 * The key that seals what passes through Redis. It lies in MySQL, so that a dump of Redis alone tells nothing; the first process
 * that needs it makes it.
 */
export async function getSealKey(sequelize: Sequelize): Promise<Buffer> {
  return (await findSealKey(sequelize)) ?? (await createKey(sequelize));
}

const retryMs = 500;

/** As `getSealKey`, for a database that is not there yet: after a power cut everything starts at once. */
export async function waitForSealKey(sequelize: Sequelize, signal: AbortSignal, log: Log): Promise<Buffer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await getSealKey(sequelize);
    } catch (error) {
      if (attempt % 20 === 0)
        log.warn({ err: describeError(error) }, 'the database is not ready: is it running, and migrated?');
      await setTimeout(retryMs, undefined, { signal });
    }
  }
}

/** @returns undefined if no process has needed it yet */
export async function findSealKey(sequelize: Sequelize): Promise<Buffer | undefined> {
  const rows = await sequelize.query<{ value: Buffer }>('select value from cWaferKey where name = :keyName', {
    replacements: { keyName },
    type: QueryTypes.SELECT,
  });
  return rows[0]?.value;
}

async function createKey(sequelize: Sequelize): Promise<Buffer> {
  // `ignore`: of processes that start at once one wins, and all use its key.
  await sequelize.query('insert ignore into cWaferKey (name, value) values (:keyName, :value)', {
    replacements: { keyName, value: randomBytes(keyBytes) },
  });
  const key = await findSealKey(sequelize);
  if (key === undefined) throw new Error('the key that seals queue traffic can be neither read nor made');
  return key;
}
