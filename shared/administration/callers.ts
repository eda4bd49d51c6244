import { isDeepStrictEqual } from 'node:util';
import { createCallerKey, hashCallerKey } from '../callers/caller-key.ts';
import { createKnownCallersCopy } from '../callers/known-callers-copy.ts';
import { createSeal } from '../rpc/seal.ts';
import { nowSeconds } from '../session/wall-clock.ts';
import { readApps } from '../store/app-reader.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import {
  addCaller as addStored,
  bindCaller as bindStored,
  readCallers,
  removeCaller as removeStored,
  type BindingChange,
  type Caller,
  type ListedCaller,
} from '../store/caller-store.ts';
import type { AppInfo } from '../store/models.ts';
import { getSealKey } from '../store/seal-key.ts';
import { AdministrationFailure, unknownApp } from './failure.ts';
import { tryForgetEverywhere, type Forgotten } from './forget-everywhere.ts';
import type { OpenDatabase, UseRedis } from './stores.ts';

/** What changes of callers need: they count for every process, as soon as it hears of them. */
export interface CallerStores extends Pick<OpenDatabase, 'sequelize' | 'appInfo'> {
  readonly useRedis: UseRedis;
}

/** Without what their keys could be known by. */
export async function listCallers({
  sequelize,
}: Pick<OpenDatabase, 'sequelize'>): Promise<Omit<ListedCaller, 'keyHash'>[]> {
  return (await readCallers(sequelize)).map(({ keyHash: _hash, ...caller }) => caller);
}

/**
 * Makes a key for a back end. It is given out here, and never again.
 * @throws {AdministrationFailure} app_unknown, caller_exists
 */
export async function addCaller(
  { sequelize, appInfo, useRedis }: CallerStores,
  { name, appids, may }: Omit<Caller, 'keyHash'>,
  actor: Actor,
): Promise<{ readonly key: string; readonly forgotten: Forgotten }> {
  await requireApps(appInfo, appids);
  const key = createCallerKey();
  const keyHash = hashCallerKey(key) as string;
  const isNew = await sequelize.transaction(async (transaction) => {
    const isAdded = await addStored(sequelize, { name, keyHash, appids, may }, transaction);
    const details = { ...tellApps(appids, true), ...(may === null ? {} : { may }) };
    if (isAdded) await recordAudit(sequelize, { actor, action: 'caller add', target: name, details }, transaction);
    return isAdded;
  });
  if (!isNew) {
    throw new AdministrationFailure(
      'caller_exists',
      `There is a caller ${name} already. To change its key without a gap: add it under another name, give it the new address, then revoke ${name}.`,
    );
  }
  return { key, forgotten: await tellEverywhere(sequelize, useRedis) };
}

/** What a caller may do, before a change and now. */
export interface BoundCaller {
  readonly before: Pick<Caller, 'appids' | 'may'>;
  readonly now: Pick<Caller, 'appids' | 'may'>;
  readonly forgotten: Forgotten;
}

/** Changes what the key of a back end is good for. @throws {AdministrationFailure} app_unknown, caller_unknown */
export async function bindCaller(
  { sequelize, appInfo, useRedis }: CallerStores,
  change: BindingChange,
  actor: Actor,
): Promise<BoundCaller> {
  const { name } = change;
  await requireApps(appInfo, change.appids ?? null);
  const bound = await sequelize.transaction(async (transaction) => {
    const found = await bindStored(sequelize, change, transaction);
    if (found === undefined) return undefined;
    const { before, now } = found;
    const appsBefore = tellApps(before.appids, true);
    const details = {
      ...tellApps(now.appids, true),
      before: appsBefore.appid,
      ...('appids' in appsBefore ? { appidsBefore: appsBefore.appids } : {}),
      ...(now.may === null && before.may === null ? {} : { may: now.may, mayBefore: before.may }),
    };
    await recordAudit(sequelize, { actor, action: 'caller bind', target: name, details }, transaction);
    return found;
  });
  if (bound === undefined) throw unknownCaller();
  return { ...bound, forgotten: await tellEverywhere(sequelize, useRedis) };
}

/** Makes the key of a back end void. @throws {AdministrationFailure} caller_unknown */
export async function revokeCaller(
  { sequelize, useRedis }: Pick<CallerStores, 'sequelize' | 'useRedis'>,
  name: string,
  actor: Actor,
): Promise<Forgotten> {
  const wasThere = await sequelize.transaction(async (transaction) => {
    const isRemoved = await removeStored(sequelize, name, transaction);
    if (isRemoved) await recordAudit(sequelize, { actor, action: 'caller revoke', target: name }, transaction);
    return isRemoved;
  });
  if (!wasThere) throw unknownCaller();
  return tellEverywhere(sequelize, useRedis);
}

/**
 * `appid` is the one app of a key that is bound to one, and the first of several.
 * @param briefly without the list where that one app says it all
 */
export function tellApps(
  appids: Caller['appids'],
  briefly = false,
): { readonly appid: string | null; readonly appids?: Caller['appids'] } {
  const appid = appids?.[0] ?? null;
  return briefly && (appids?.length ?? 0) < 2 ? { appid } : { appid, appids };
}

/** @throws {AdministrationFailure} app_unknown: a key for an app that is misspelled would be good for nothing */
async function requireApps(appInfo: AppInfo, appids: Caller['appids']): Promise<void> {
  if (appids === null) return;
  const known = new Set((await readApps(appInfo)).map(({ appid }) => appid));
  const unknown = appids.find((appid) => !known.has(appid));
  if (unknown !== undefined) throw unknownApp(unknown);
}

export function unknownCaller(): AdministrationFailure {
  return new AdministrationFailure('caller_unknown', 'There is no such caller.');
}

/** The copy first: a front end that can't reach MySQL reads it as soon as it is told to forget. */
function tellEverywhere(sequelize: OpenDatabase['sequelize'], useRedis: UseRedis): Promise<Forgotten> {
  return tryForgetEverywhere(useRedis, async ({ cacheRedis }) => {
    const seal = createSeal(await getSealKey(sequelize));
    const copy = createKnownCallersCopy(cacheRedis, () => seal);
    // Somebody else may have changed the callers, and saved them, between this reading and this saving.
    for (let saved: Caller[] | undefined; ;) {
      const at = nowSeconds();
      const callers = await readCallers(sequelize);
      if (isDeepStrictEqual(callers, saved)) return;
      await copy.save(callers, at);
      saved = callers;
    }
  });
}
