import type { Obeyed } from '../redis/control.ts';
import { toApps } from '../session/app-settings.ts';
import { createSessionCache } from '../session/session-cache.ts';
import { readApps } from '../store/app-reader.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { eraseEvents } from './erase-events.ts';
import { redactAudit } from './audit-redaction.ts';
import { dropProfiles, eraseFromMysql } from './erase-rows.ts';
import { tellToForget } from './forget-order.ts';
import { removePending, type PendingErasure } from './journal.ts';
import { findPersonRows } from './person.ts';
import type { Erasure } from './order.ts';
import type { ErasureStores } from './stores.ts';
import { sweepRedis, type SweptRedis } from './sweep-redis.ts';

/**
 * Does what is left of erasures, in this order: what MySQL has, the memory of every process, then Redis, to which no process can bring
 * anything back by then. Done twice it changes nothing.
 * @returns how many events went, and also who did not say that it has forgotten: then the erasures stay to be done
 */
export async function finishErasures(
  stores: ErasureStores,
  begun: readonly PendingErasure[],
): Promise<{ readonly told: Obeyed; readonly swept: SweptRedis; readonly events: number }> {
  const pending: PendingErasure[] = [];
  for (const each of begun) pending.push(each.erasure.erased === undefined ? await eraseFromMysql(stores, each) : each);
  const erasures = pending.map(({ erasure }) => erasure);
  // Before processes are told, so that none reads again what it has forgotten, and after it what one has written meanwhile.
  let events = await eraseEvents(stores.sequelize, erasures);
  const told = await tellToForget(stores, erasures);
  for (const { erasure } of pending) {
    if (erasure.part === 'profile') await dropLateProfiles(stores, erasure);
    if (erasure.part === 'everything') await redactLateEntries(stores, erasure);
  }
  events += await eraseEvents(stores.sequelize, erasures);
  const swept = await sweepRedis(stores, erasures);
  if (told.silent.length === 0) {
    for (const each of pending) await removePending(stores.sequelize, stores.seal, each);
  }
  return { told, swept, events };
}

/** Of revocations that had the rows when the erasure began and were committed before it had them. */
async function redactLateEntries({ sequelize }: ErasureStores, erasure: Erasure): Promise<void> {
  await inTransaction(sequelize, async (transaction) => redactAudit(sequelize, erasure, transaction));
}

/** A log-in that had read the profile before it went may have given it to a session that was not there then. */
async function dropLateProfiles(
  stores: ErasureStores,
  { openIds, appid, rows: known, orderedAtUs }: Erasure,
): Promise<void> {
  const { sequelize } = stores;
  const cache = createSessionCache(stores.cacheRedis);
  const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
  await inTransaction(sequelize, async (transaction) => {
    const rows = await findPersonRows(sequelize, openIds, appid, defaultAppid, { transaction, locks: true });
    const late = rows.filter(({ row }) => !known.includes(row));
    // The marks stay until they end by themselves, as those of the others do.
    await cache.mark(late.map(({ id }) => id));
    await dropProfiles(stores, late, orderedAtUs, transaction);
  });
}
