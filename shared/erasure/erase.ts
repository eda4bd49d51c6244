import type { Obeyed } from '../redis/control.ts';
import { toApps } from '../session/app-settings.ts';
import { readApps } from '../store/app-reader.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { dropProfiles, eraseFromMysql } from './erase-rows.ts';
import { tellToForget } from './forget-order.ts';
import { removePending, tidyJournal, type PendingErasure } from './journal.ts';
import { findPersonRows } from './person.ts';
import type { ErasureStores } from './stores.ts';
import { sweepRedis, type SweptRedis } from './sweep-redis.ts';

/**
 * Does what is left of erasures: their order, what MySQL has, the memory of every process, then Redis, to which no process can bring
 * anything back by now. Done twice it changes nothing.
 * @returns also who did not say that it has forgotten: then the erasures stay to be done
 */
export async function finishErasures(
  stores: ErasureStores,
  begun: readonly PendingErasure[],
): Promise<{ readonly told: Obeyed; readonly swept: SweptRedis }> {
  const pending: PendingErasure[] = [];
  for (const each of begun) pending.push(each.erasure.erased === undefined ? await eraseFromMysql(stores, each) : each);
  const erasures = pending.map(({ erasure }) => erasure);
  const told = await tellToForget(stores, erasures);
  for (const { erasure } of pending) if (erasure.part === 'profile') await dropLateProfiles(stores, erasure);
  const swept = await sweepRedis(stores, erasures);
  if (told.silent.length === 0) {
    for (const each of pending) await removePending(stores.sequelize, stores.seal, each);
    await tidyJournal(stores.sequelize);
  }
  return { told, swept };
}

/** A log-in that had read the profile before it went may have given it to another of the user's sessions. */
async function dropLateProfiles(stores: ErasureStores, erasure: PendingErasure['erasure']): Promise<void> {
  const { sequelize } = stores;
  const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
  await inTransaction(sequelize, async (transaction) => {
    const rows = await findPersonRows(sequelize, erasure.openIds, erasure.appid, defaultAppid, {
      transaction,
      locks: true,
    });
    await dropProfiles(
      stores,
      rows.filter(({ row, fence }) => !erasure.rows.includes(row) && fence <= erasure.orderedAtUs),
      transaction,
    );
  });
}
