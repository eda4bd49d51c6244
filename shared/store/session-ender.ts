import { randomBytes } from 'node:crypto';
import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** SQL for an skey that nobody has; it needs the replacement `random`. */
export const unknownSkey = "sha2(concat('ended', id, rand(), :random), 256)";

/** Whether a row's skey is one of these: those that somebody holds have 32 digits, ours and the original's. */
export function isEndedSkey(skey: string): boolean {
  return /^[0-9a-f]{64}$/.test(skey);
}

/**
 * Ends sessions: their rows get an skey that nobody has, so that the original refuses them too, and keep everything else, so that
 * the next log-in keeps the id. The fence stays as well: a log-in that was claimed before and runs again can't bring its skey back.
 */
export async function endSessions(
  sequelize: Sequelize,
  rows: readonly number[],
  transaction?: Transaction,
): Promise<void> {
  await sequelize.query(
    `update cSessionInfo set skey = ${unknownSkey}, previous_skey = null, previous_skey_until = null where id in (:rows)`,
    {
      replacements: { random: randomBytes(32).toString('hex'), rows: [...rows] },
      type: QueryTypes.UPDATE,
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
}
