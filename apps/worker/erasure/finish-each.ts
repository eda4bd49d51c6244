import { eraseFromMysql } from '../../../shared/erasure/erase-rows.ts';
import { finishErasures } from '../../../shared/erasure/erase.ts';
import { postponePending, type PendingErasure } from '../../../shared/erasure/journal.ts';
import type { ErasureStores } from '../../../shared/erasure/stores.ts';

interface Finished {
  readonly finished: number;
  /** Processes that did not say that they have forgotten. */
  readonly silent: readonly string[];
  readonly failed: readonly FailedErasure[];
}

interface FailedErasure extends PendingErasure {
  readonly error: unknown;
}

/** Those that have failed before are finished one by one; so many in one pass, so that others wait little for them. */
const maxAlone = 10;

/**
 * Finishes erasures, each for itself: those that never failed go through Redis together, and whichever fails keeps nobody else's from being
 * finished. It waits longer each time.
 */
export async function finishEach(stores: ErasureStores, pending: readonly PendingErasure[]): Promise<Finished> {
  const failed: FailedErasure[] = [];
  const silent = new Set<string>();
  let finished = 0;
  const fresh = pending.filter(({ erasure }) => erasure.failures === undefined);
  const again = pending.filter((each) => !fresh.includes(each)).slice(0, maxAlone);
  for (const together of [fresh, ...again.map((each) => [each])]) {
    const ready: PendingErasure[] = [];
    for (const each of together) {
      try {
        ready.push(each.erasure.erased === undefined ? await eraseFromMysql(stores, each) : each);
      } catch (error) {
        failed.push({ ...each, error });
      }
    }
    if (ready.length === 0) continue;
    try {
      const { told } = await finishErasures(stores, ready);
      told.silent.forEach((name) => silent.add(name));
      finished += ready.length;
    } catch (error) {
      // Which of them it is shows when each goes alone.
      failed.push(...ready.map((each) => ({ ...each, error })));
    }
  }
  // What can't be put off is found again like any other.
  for (const { key } of failed) await postponePending(stores.sequelize, stores.seal, key).catch(() => undefined);
  return { finished, silent: [...silent], failed };
}
