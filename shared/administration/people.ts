import { beginErasure, eraseFromMysql } from '../erasure/erase-rows.ts';
import { finishErasures } from '../erasure/erase.ts';
import { labelOf, type ErasedRows } from '../erasure/order.ts';
import { findOpenIds, findPersonRows, type PersonSelector } from '../erasure/person.ts';
import type { ErasureStores } from '../erasure/stores.ts';
import type { SweptRedis } from '../erasure/sweep-redis.ts';
import { createSeal } from '../rpc/seal.ts';
import { toApps } from '../session/app-settings.ts';
import { readApps } from '../store/app-reader.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { getSealKey } from '../store/seal-key.ts';
import { UnfitRequest } from './failure.ts';
import { gatherPerson } from './gather-person.ts';
import type { OpenStores } from './stores.ts';

/** @throws {UnfitRequest} unless one of openId and unionId is given */
export function toPerson({
  openId,
  unionId,
  appid,
}: {
  readonly openId?: string | undefined;
  readonly unionId?: string | undefined;
  readonly appid?: string | undefined;
}): PersonSelector {
  if (openId && unionId === undefined) return { openId, appid };
  if (unionId && openId === undefined) return { unionId, appid };
  throw new UnfitRequest('give one of openId and unionId');
}

/** Everything that is kept of a person. That somebody asked is in the audit log, where the person has a label alone. */
export async function exportPerson(
  open: OpenStores,
  person: PersonSelector,
  actor: Actor,
): Promise<Awaited<ReturnType<typeof gatherPerson>>> {
  const stores = await toErasureStores(open);
  const target = `user ${labelOf(stores.seal, person)}`;
  await recordAudit(stores.sequelize, { actor, action: 'user export', target });
  return gatherPerson(stores, person);
}

/** How much there is of a person in MySQL: what an erasure would begin with. */
export async function countPerson(
  { sequelize, appInfo }: OpenStores,
  person: PersonSelector,
): Promise<{ readonly sessions: number }> {
  const defaultAppid = toApps(await readApps(appInfo)).default?.appid;
  const openIds = await findOpenIds(sequelize, person, defaultAppid);
  return { sessions: (await findPersonRows(sequelize, openIds, person.appid, defaultAppid)).length };
}

/** What has become of an erasure. */
export interface ErasedPerson extends ErasedRows {
  /** Stands for the person in the audit log. */
  readonly label: string;
  readonly redis: SweptRedis;
  /** What other systems were to be told of the person, and are not any more. */
  readonly events: number;
  /** Processes that have forgotten the person. */
  readonly obeyed: readonly string[];
  /** Processes that did not say so: until they do, workers try again. */
  readonly silent: readonly string[];
}

/** Erases everything that is kept of a person, everywhere. What is not done at once is done by workers. There is no way back. */
export async function erasePerson(open: OpenStores, person: PersonSelector, actor: Actor): Promise<ErasedPerson> {
  const stores = await toErasureStores(open);
  const begun = await beginErasure(stores, { part: 'everything', person, actor, action: 'user erase' });
  const pending = await eraseFromMysql(stores, begun);
  const { told, swept, events } = await finishErasures(stores, [pending]);
  return {
    label: pending.erasure.label,
    ...pending.erased,
    redis: swept,
    events,
    obeyed: told.obeyed,
    silent: told.silent,
  };
}

async function toErasureStores(stores: OpenStores): Promise<ErasureStores> {
  return { ...stores, seal: createSeal(await getSealKey(stores.sequelize)) };
}
