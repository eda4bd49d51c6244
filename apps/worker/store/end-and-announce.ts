import type { Sequelize } from 'sequelize';
import { announceEnds } from '../../../shared/events/outbox.ts';
import type { EndReason } from '../../../shared/session/ended-skeys.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import { endSessions } from '../../../shared/store/session-ender.ts';

/**
 * Ends sessions, and tells whoever listens, together or not at all.
 * @param defaultAppid to whom rows without an app belong
 * @param skey only of rows that have it still
 * @returns how many rows there were
 */
export function endAndAnnounce(
  sequelize: Sequelize,
  rows: readonly number[],
  reason: EndReason,
  { defaultAppid, skey }: { readonly defaultAppid: string | undefined; readonly skey?: string },
): Promise<number> {
  return inTransaction(sequelize, async (transaction) => {
    const which = { transaction, ...(skey !== undefined && { skey }) };
    await announceEnds(sequelize, rows, reason, defaultAppid, which);
    return endSessions(sequelize, rows, reason, which);
  });
}
