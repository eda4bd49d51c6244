import { QueryTypes, type Transaction } from 'sequelize';
import { readRedisTime } from '../redis/clock.ts';
import type { Seal } from '../rpc/seal.ts';
import { toApps } from '../session/app-settings.ts';
import { createSessionCache } from '../session/session-cache.ts';
import { placeholderProfile } from '../session/user-info.ts';
import { readApps } from '../store/app-reader.ts';
import { recordAudit } from '../store/audit.ts';
import { fenceToleranceUs } from '../store/fence.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { announceErasure } from './erase-events.ts';
import { redactAudit } from './audit-redaction.ts';
import { claimPending, findPending, refuseEarlierLogins, savePending, type PendingErasure } from './journal.ts';
import {
  firstTraces,
  labelOf,
  withEarlier,
  withRows,
  type ErasedRows,
  type Erasure,
  type ErasureOrder,
} from './order.ts';
import { findOpenIds, findPersonRows, type PersonRow } from './person.ts';
import type { ErasureStores } from './stores.ts';

/** Notes the order and all by which the person is known. From here on it is carried out, by whomever. */
export async function beginErasure(stores: ErasureStores, order: ErasureOrder): Promise<PendingErasure> {
  const { sequelize, seal, commands } = stores;
  const { part, person, actor, action, orderedAtUs = await readRedisTime(commands) } = order;
  const apps = toApps(await readApps(stores.appInfo));
  const defaultAppid = apps.default?.appid;
  const openIds = await findOpenIds(sequelize, person, defaultAppid);
  const key = keyOf(seal, order);
  const noted: Erasure = {
    ...firstTraces(part, person, openIds),
    actor,
    action,
    label: labelOf(seal, person),
    orderedAtUs,
  };
  return inTransaction(sequelize, async (transaction) => {
    await claimPending(sequelize, key, transaction);
    const earlier = await findPending(sequelize, seal, key, transaction);
    const known = withEarlier(noted, earlier);
    const rows = await findPersonRows(sequelize, known.openIds, person.appid, defaultAppid, { transaction });
    const pending = { key, erasure: withRows(known, rows, [...apps.byAppid.keys()]) };
    await savePending(sequelize, seal, pending, transaction);
    return pending;
  });
}

/** Takes what is to go out of MySQL and out of the cache, unless somebody else has by now. */
export async function eraseFromMysql(
  stores: ErasureStores,
  { key, erasure }: PendingErasure,
): Promise<PendingErasure & { readonly erased: ErasedRows }> {
  const { sequelize, seal } = stores;
  const cache = createSessionCache(stores.cacheRedis);
  const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
  if (erasure.part === 'everything') await refuseEarlierLogins(sequelize, seal, erasure);
  // Cached entries out of the way before the commit.
  const mark = await cache.mark(erasure.ids);
  const result = await inTransaction(sequelize, async (transaction) => {
    // The journal before the rows, as first log-ins do.
    const present = await findPending(sequelize, seal, key, transaction);
    if (present?.erased !== undefined) return { key, erasure: present, erased: present.erased };
    const rows = await findPersonRows(sequelize, erasure.openIds, erasure.appid, defaultAppid, {
      transaction,
      locks: true,
    });
    const known = withRows(withEarlier(erasure, present), rows, []);
    // Of log-ins since the order.
    const late = known.ids.filter((id) => !erasure.ids.includes(id));
    if (late.length > 0) await cache.mark(late);
    await announceErasure(sequelize, known, rows, defaultAppid, transaction);
    const erased = await takeOut(stores, known, rows, defaultAppid, transaction);
    const pending = { key, erasure: { ...known, erased } };
    await savePending(sequelize, seal, pending, transaction);
    const { actor, action, label } = erasure;
    const details = detailsOf(erasure, erased);
    await recordAudit(sequelize, { actor, action, target: `user erased:${label}`, details }, transaction);
    return { ...pending, erased };
  });
  // Not after a failure: until the marks end by themselves nobody caches the old rows. Nor where rows stay: a log-in that has read one before
  // would cache its profile now.
  if (erasure.part !== 'profile') await cache.withdraw(erasure.ids, mark).catch(() => undefined);
  return result;
}

async function takeOut(
  { sequelize, clock }: ErasureStores,
  erasure: Erasure,
  rows: readonly PersonRow[],
  defaultAppid: string | undefined,
  transaction: Transaction,
): Promise<ErasedRows> {
  if (erasure.part === 'phone') return { sessions: rows.length, dropped: 0, audit: 0 };
  if (erasure.part === 'profile') {
    await dropProfiles({ sequelize, clock }, rows, erasure.orderedAtUs, transaction);
    return { sessions: rows.length, dropped: 0, audit: 0 };
  }
  const isOfDefault = erasure.appid === undefined || erasure.appid === defaultAppid;
  const dropped =
    isOfDefault && erasure.openIds.length > 0 ? await deleteDropped({ sequelize }, erasure, transaction) : 0;
  const audit = await redactAudit(sequelize, erasure, transaction);
  if (rows.length > 0)
    await sequelize.query('delete from cSessionInfo where id in (:rows)', {
      replacements: { rows: rows.map(({ row }) => row) },
      type: QueryTypes.BULKDELETE,
      transaction,
    });
  return { sessions: rows.length, dropped, audit };
}

type Database = Pick<ErasureStores, 'sequelize'>;

/**
 * Rows whose profile is of before the order get what a log-in with the code alone gives them; from then on none of before the order takes
 * its place.
 */
export async function dropProfiles(
  { sequelize, clock }: Pick<ErasureStores, 'sequelize' | 'clock'>,
  rows: readonly PersonRow[],
  orderedAtUs: number,
  transaction: Transaction,
): Promise<void> {
  const tooFar = Math.floor(clock.nowMs() * 1000) + fenceToleranceUs;
  for (const { row, openId, unionId } of rows) {
    const text = placeholderProfile({ openId, unionId: unionId === '' ? undefined : unionId })?.text ?? '';
    await sequelize.query(
      `update cSessionInfo set user_info = :userInfo, user_info_long = null, profile_fence = :orderedAtUs
       where id = :row and (profile_fence < :orderedAtUs or profile_fence > :tooFar)`,
      {
        replacements: { row, userInfo: Buffer.from(text, 'utf8').toString('base64'), orderedAtUs, tooFar },
        type: QueryTypes.UPDATE,
        transaction,
      },
    );
  }
}

/** Rows that the adoption gave up: its table keeps whose they were. */
async function deleteDropped(
  { sequelize }: Database,
  { openIds, rows }: Erasure,
  transaction: Transaction,
): Promise<number> {
  // Found first, by a read without locks: a delete by row_id, which has no index there, would lock the whole table. 0 is no row.
  const found = await sequelize.query<{ id: number }>(
    'select id from cWaferDropped where open_id in (:openIds) or row_id in (:rows)',
    { replacements: { openIds: [...openIds], rows: [0, ...rows] }, type: QueryTypes.SELECT, transaction },
  );
  if (found.length === 0) return 0;
  return sequelize.query('delete from cWaferDropped where id in (:ids)', {
    replacements: { ids: found.map(({ id }) => id) },
    type: QueryTypes.BULKDELETE,
    transaction,
  });
}

function detailsOf({ part, appid }: Erasure, { sessions, dropped, audit }: ErasedRows): Record<string, unknown> {
  return { part, ...(appid === undefined ? {} : { appid }), sessions, dropped, audit };
}

function keyOf(seal: Seal, { part, person }: ErasureOrder): string {
  const { openId, unionId, appid = '' } = person;
  return openId === undefined
    ? seal.fingerprint('erasure', part, 'unionId', unionId, appid)
    : seal.fingerprint('erasure', part, 'openId', openId, appid);
}
