import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { holdRelay } from '../events/relay-turn.ts';
import { announce } from '../events/outbox.ts';
import { inTransaction } from '../store/in-transaction.ts';
import type { Erasure } from './order.ts';
import type { PersonRow } from './person.ts';

/**
 * Tells other systems that a person is to be forgotten, and of which app: these events alone go on naming the person, until they are
 * delivered and gone. Where only the profile goes, that it has changed.
 * @param rows the person's, which are about to go
 */
export async function announceErasure(
  sequelize: Sequelize,
  { part, appid, openIds }: Erasure,
  rows: readonly PersonRow[],
  defaultAppid: string | undefined,
  transaction: Transaction,
): Promise<void> {
  if (part === 'phone') return;
  const event = part === 'everything' ? 'user.erased' : 'profile.changed';
  for (const openId of openIds) {
    const own = rows.filter((row) => row.openId === openId).map((row) => row.appid || defaultAppid);
    const apps = own.length === 0 ? [appid] : [...new Set(own)];
    await announce(
      sequelize,
      apps.map((each) => ({ event, appid: each, openId })),
      transaction,
    );
  }
}

/** Takes what was to be told of persons out of the outbox, of what is kept and of dead letters. @returns how much there was */
export async function eraseEvents(sequelize: Sequelize, erasures: readonly Erasure[]): Promise<number> {
  const whole = erasures.filter(({ part, openIds }) => part === 'everything' && openIds.length > 0);
  let count = 0;
  for (const { openIds, appid } of whole) {
    count += await inTransaction(sequelize, async (transaction) => {
      // Meanwhile nothing is moved from one table to another past this.
      await holdRelay(sequelize, transaction);
      let found = 0;
      for (const [table, statement] of statements) {
        const rows = await sequelize.query<{ id: number | string; open_id: string }>(
          `select id, open_id from ${table} where open_id in (:openIds) and event <> 'user.erased'
           and (:appid is null or appid is null or appid = :appid)`,
          { replacements: { openIds: [...openIds], appid: appid ?? null }, type: QueryTypes.SELECT, transaction },
        );
        if (rows.length === 0) continue;
        found += rows.length;
        await sequelize.query(`${statement} where id in (:ids)`, {
          replacements: { ids: rows.map(({ id }) => id) },
          type: QueryTypes.BULKDELETE,
          transaction,
        });
      }
      return found;
    });
  }
  return count;
}

/** By primary key: a search for the user in the outbox must lock none of the rows that log-ins add. */
const statements = [
  ['cWaferOutbox', 'delete from cWaferOutbox'],
  // Its number stays: who follows the numbers has not missed it.
  ['cWaferEvent', "update cWaferEvent set event = '', open_id = null, session_id = null, details = null"],
  ['cWaferDeadLetter', 'delete from cWaferDeadLetter'],
] as const;
