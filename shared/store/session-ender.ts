import { randomBytes } from 'node:crypto';
import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { encodeEnd, endedSkeysBytes, type EndReason } from '../session/ended-skeys.ts';
import { hashSkey } from '../session/skey.ts';
import { nowSeconds } from '../session/wall-clock.ts';

/** SQL for an skey that nobody has; it needs the replacement `random`. */
export const unknownSkey = "sha2(concat('ended', id, rand(), :random), 256)";

/** Whether a row's skey is one of these: those that somebody holds have 32 digits, ours and the original's. */
export function isEndedSkey(skey: string): boolean {
  return /^[0-9a-f]{64}$/.test(skey);
}

/**
 * SQL for `ended_skeys` of a row whose skey is about to change, unless that is one that nobody has. To stand before the change:
 * assignments take effect from left to right.
 * @param end SQL for what the entry begins with
 */
export function withEndedSkey(end: string): string {
  return `if(char_length(skey) = 64, ended_skeys, ${withEntry(`${end}, unhex(left(sha2(skey, 256), 32))`)})`;
}

/** SQL for the beginning of an entry. */
export function endSql(reason: EndReason, timeSeconds: number): string {
  return `x'${encodeEnd(reason, timeSeconds)}'`;
}

function withEntry(entry: string): string {
  return `left(concat(${entry}, coalesce(ended_skeys, '')), ${endedSkeysBytes})`;
}

/**
 * Ends sessions: their rows get an skey that nobody has, so that the original refuses them too, and keep everything else, so that
 * the next log-in keeps the id. The fence never goes back: a log-in that was claimed before and runs again can't bring its skey back. The
 * former session_keys go: a session that has ended gives none to anybody.
 * @param skey only rows that have it still: one with another has got a session that nobody means
 * @param before microseconds of Redis's time: log-ins that were claimed until then can't be written any more, either
 * @returns how many rows there were
 */
export async function endSessions(
  sequelize: Sequelize,
  rows: readonly number[],
  reason: EndReason,
  {
    transaction,
    skey,
    before = 0,
  }: { readonly transaction?: Transaction; readonly skey?: string; readonly before?: number } = {},
): Promise<number> {
  const [, ended] = await sequelize.query(
    `update cSessionInfo set ended_skeys = ${withEndedSkey(endSql(reason, nowSeconds()))},
       skey = ${unknownSkey}, previous_skey = null, previous_skey_until = null, former_keys = null,
       fence = greatest(fence, :before)
     where id in (:rows)${skey === undefined ? '' : ' and skey = :skey'}`,
    {
      replacements: {
        random: randomBytes(32).toString('hex'),
        rows: [...rows],
        before,
        ...(skey !== undefined && { skey }),
      },
      type: QueryTypes.UPDATE,
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
  return ended;
}

/** Notes an skey that was given out for this row and never got into it: a later log-in or a revocation was quicker. */
export async function noteOvertaken(
  sequelize: Sequelize,
  row: number,
  skey: string,
  reason: 'replaced' | 'revoked',
): Promise<void> {
  const hash = Buffer.from(hashSkey(skey), 'base64url').toString('hex');
  const entry = withEntry(`${endSql(reason, nowSeconds())}, x'${hash}'`);
  await sequelize.query(`update cSessionInfo set ended_skeys = ${entry} where id = :row`, {
    replacements: { row },
    type: QueryTypes.UPDATE,
  });
}
