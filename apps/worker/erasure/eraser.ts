import { beginErasure, eraseFromMysql } from '../../../shared/erasure/erase-rows.ts';
import {
  isErased,
  listPending,
  listUnchecked,
  noteUnchecked,
  tidyJournal,
  type PendingErasure,
} from '../../../shared/erasure/journal.ts';
import type { ErasureStores } from '../../../shared/erasure/stores.ts';
import { createOutageWarning, describeError, type Log } from '../../../shared/log/log.ts';
import { erasedUserOf, type AppUser } from '../../../shared/rpc/ledger-keys.ts';
import { finishEach } from './finish-each.ts';
import { createRecentOrders, type UserOrder } from './recent-orders.ts';

/** Erases users for whoever asks, and finishes what others have begun. */
export interface Eraser {
  /** Resolves when MySQL and the cache have nothing of it any more; the rest goes within seconds, whoever is killed meanwhile. */
  erase(order: UserOrder): Promise<void>;
  /**
   * Erases a user, or the profile, whose log-in was written after an order that found nothing to erase. Where that can't be seen it throws, and a
   * worker looks again.
   * @param fence of the log-in
   * @param profileFence of the log-in that brought the profile: that one, or an earlier one
   * @returns whether all of the user went
   */
  eraseIfOrdered(user: AppUser, fence: number, profileFence: number): Promise<boolean>;
  /**
   * Whether somebody has ordered since that this user, or the phone number alone, be erased: then the number that WeChat has answered to a
   * question of before is not to be kept.
   * @param askedAtUs by Redis's clock, in microseconds since 1970
   */
  wasPhoneErased(user: AppUser, askedAtUs: number): Promise<boolean>;
  close(): Promise<void>;
}

const tickMs = 1000;
/** So long after its last step an erasure of somebody else is taken for abandoned; it is looked for as often. */
const abandonedSeconds = 10;
/** Erasures in one pass through Redis. */
const maxAtOnce = 100;
/** Log-ins that could not look for orders, in one pass. */
const maxUnchecked = 500;
/** Labels in one line of the log. */
const maxLabels = 10;
const tidyIntervalMs = 600_000;
/** One worker at a time finishes what others have left. */
const claimKey = 'wafer:erasing';

export function startEraser({ stores, log }: { readonly stores: ErasureStores; readonly log: Log }): Eraser {
  const { sequelize, seal, commands } = stores;
  const warn = createOutageWarning(log, 'erasures not finished yet');
  const recentOrders = createRecentOrders(stores);
  const own: PendingErasure[] = [];
  let lookAt = performance.now();
  let tidyAt = lookAt;
  let running: Promise<void> | undefined;

  const findAbandoned = async (): Promise<PendingErasure[]> => {
    if (performance.now() < lookAt) return [];
    lookAt = performance.now() + abandonedSeconds * 1000;
    if ((await commands.set(claimKey, '1', 'EX', abandonedSeconds, 'NX')) !== 'OK') return [];
    if (performance.now() >= tidyAt) {
      await tidyJournal(sequelize);
      tidyAt = performance.now() + tidyIntervalMs;
    }
    await check().catch(warn);
    return listPending(sequelize, seal, { idleSeconds: abandonedSeconds, limit: maxAtOnce });
  };

  const begin = async (order: UserOrder): Promise<void> => {
    own.push(await beginErasure(stores, order));
  };

  /** Looks for the orders that log-ins could not look for. */
  const check = async (): Promise<void> => {
    for (const { login, remove } of await listUnchecked(sequelize, seal, maxUnchecked)) {
      if (login !== undefined) {
        const orders = await recentOrders.findOrders(login.user, login.fence, login.profileFence);
        // One that has been carried out since is not carried out again.
        for (const order of await recentOrders.findLate(orders)) await begin(order);
      }
      await remove();
    }
  };

  const eraseOrdered = async (user: AppUser, fence: number, profileFence: number): Promise<boolean> => {
    const orders = await recentOrders.findOrders(user, fence, profileFence);
    for (const order of orders) await eraseKept(order);
    return orders.some(({ part }) => part === 'everything');
  };

  const finish = async (): Promise<void> => {
    const mine = own.splice(0, maxAtOnce);
    // What fails is found again as abandoned.
    const abandoned = await findAbandoned().catch((error: unknown) => {
      warn(error);
      return [];
    });
    const pending = [...mine, ...abandoned];
    if (pending.length === 0) return;
    const { finished, silent, failed } = await finishEach(stores, pending);
    if (silent.length > 0) log.warn({ erasures: finished, silent }, 'not erased everywhere: processes did not confirm');
    else if (finished > 0) log.info({ erasures: finished }, 'erased');
    if (failed.length > 0) {
      const labels = failed.slice(0, maxLabels).map(({ erasure }) => erasure.label);
      const err = describeError(failed[0]?.error);
      log.warn({ erasures: failed.length, labels, err }, 'erasures failed: each is tried again later');
    }
  };

  const eraseKept = async (order: UserOrder): Promise<void> => {
    own.push(await eraseFromMysql(stores, await beginErasure(stores, order)));
  };

  /** One that fails keeps none of the others from its turn. */
  const work = async (): Promise<void> => {
    for (const step of [finish, () => recentOrders.lookAgain(begin), () => recentOrders.sweep()])
      await step().catch(warn);
  };

  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = undefined;
    });
  }, tickMs);
  return {
    async erase(order) {
      const remembered = await recentOrders.remember(order);
      const isAnythingKept = await recentOrders.isAnythingKept(order);
      if (isAnythingKept) await eraseKept(order);
      else recentOrders.addToSweep(order);
      // Whose rows are erased, of that one MySQL itself takes no log-in of before.
      const isRefused = order.part === 'everything' && isAnythingKept;
      if (order.part !== 'phone' && !isRefused) recentOrders.addToLookAgain(remembered);
    },
    async eraseIfOrdered(user, fence, profileFence) {
      try {
        return await eraseOrdered(user, fence, profileFence);
      } catch (error) {
        await noteUnchecked(sequelize, seal, { user, fence, profileFence }).catch(() => undefined);
        throw error;
      }
    },
    async wasPhoneErased(user, askedAtUs) {
      // Those of commands and of the console are in the journal alone.
      return (
        (await recentOrders.isPhoneOrdered(user, askedAtUs)) || isErased(sequelize, erasedUserOf(seal, user), askedAtUs)
      );
    },
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
