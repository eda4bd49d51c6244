import type { ForgetOrder } from '../erasure/forget-order.ts';

/** All parts of a process that remember something of persons. */
export interface Remembering {
  /** @param forget drops what a part knows; resolves when nothing of it is on its way to a store any more */
  add(forget: (order: ForgetOrder) => void | Promise<void>): void;
  forget(order: ForgetOrder): Promise<void>;
}

export function createRemembering(): Remembering {
  const parts: ((order: ForgetOrder) => void | Promise<void>)[] = [];
  return {
    add: (forget) => void parts.push(forget),
    async forget(order) {
      await Promise.all(parts.map(async (forget) => forget(order)));
      forgetLastMatch();
    },
  };
}

/** A regular expression keeps the last text that one has matched, for `RegExp.lastMatch`. */
function forgetLastMatch(): void {
  /^/.exec('');
}
