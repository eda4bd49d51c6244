import { beginErasure, eraseFromMysql } from '../../../shared/erasure/erase-rows.ts';
import { finishErasures } from '../../../shared/erasure/erase.ts';
import { listPending, type PendingErasure } from '../../../shared/erasure/journal.ts';
import type { ErasureOrder } from '../../../shared/erasure/order.ts';
import type { ErasureStores } from '../../../shared/erasure/stores.ts';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';

/** Erases users for whoever asks, and finishes what others have begun. */
export interface Eraser {
  /** Resolves when MySQL and the cache have nothing of it any more; the rest goes within seconds, whoever is killed meanwhile. */
  erase(order: ErasureOrder): Promise<void>;
  close(): Promise<void>;
}

const tickMs = 1000;
/** So long after its last step an erasure of somebody else is taken for abandoned; it is looked for as often. */
const abandonedSeconds = 10;
/** Erasures in one pass through Redis. */
const maxAtOnce = 100;
/** One worker at a time finishes what others have left. */
const claimKey = 'wafer:erasing';

export function startEraser({ stores, log }: { readonly stores: ErasureStores; readonly log: Log }): Eraser {
  const { sequelize, seal, commands } = stores;
  const warn = createOutageWarning(log, 'erasures not finished yet');
  const own: PendingErasure[] = [];
  let lookAt = performance.now();
  let running: Promise<void> | undefined;

  const findAbandoned = async (): Promise<PendingErasure[]> => {
    if (performance.now() < lookAt) return [];
    lookAt = performance.now() + abandonedSeconds * 1000;
    if ((await commands.set(claimKey, '1', 'EX', abandonedSeconds, 'NX')) !== 'OK') return [];
    return listPending(sequelize, seal, { idleSeconds: abandonedSeconds, limit: maxAtOnce });
  };

  const finish = async (): Promise<void> => {
    const mine = own.splice(0, maxAtOnce);
    const pending = [...mine, ...(await findAbandoned())];
    if (pending.length === 0) return;
    // What fails is found again as abandoned.
    const { told } = await finishErasures(stores, pending);
    if (told.silent.length === 0) log.info({ erasures: pending.length }, 'erased');
    else
      log.warn({ erasures: pending.length, silent: told.silent }, 'not erased everywhere: processes did not confirm');
  };
  const timer = setInterval(() => {
    running ??= finish()
      .catch(warn)
      .finally(() => {
        running = undefined;
      });
  }, tickMs);
  return {
    async erase(order) {
      own.push(await eraseFromMysql(stores, await beginErasure(stores, order)));
    },
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
