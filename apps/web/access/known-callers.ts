import type { Caller } from '../../../shared/store/caller-store.ts';
import { createFreshList, type ListCopy } from '../../../shared/store/fresh-list.ts';

/** Who may call, as a front end knows it. */
export interface KnownCallers {
  /**
   * The caller with this key; at once while the list is young.
   * @throws {ListUnavailableError} if the list was never read and can't be read now
   */
  find(keyHash: string): Caller | undefined | Promise<Caller | undefined>;
  /** Resolves when the callers of before count no more. @throws if they could not be read */
  reread(): Promise<void>;
}

export function createKnownCallers(deps: {
  readonly read: () => Promise<Caller[]>;
  /** It holds hashes, no keys. */
  readonly copy: ListCopy<Caller>;
  readonly onFailure: (error: unknown) => void;
}): KnownCallers {
  const list = createFreshList({
    ...deps,
    what: 'the callers',
    toView: (callers) => new Map(callers.map((caller) => [caller.keyHash, caller])),
    // The command that revokes a caller writes the copy anew first: while MySQL is away it knows more than this process does.
    keepsOnForget: false,
  });
  return {
    find(keyHash) {
      const young = list.fresh();
      return young === undefined ? list.current().then((known) => known.get(keyHash)) : young.get(keyHash);
    },
    reread: list.reread,
  };
}
