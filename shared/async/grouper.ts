/**
 * Sends items in groups without making anybody wait for company on a quiet server: what comes in one turn of the event loop goes
 * together at its end; what comes while a group is on its way, or within a moment after it, makes the next one. So a quiet server has the
 * latency of single sends, and a busy one the cost of groups. Those that were answered together mostly come to their next step together,
 * and stay a group.
 *
 * Resolves when the item's group was sent, with the item's own answer if there is one; rejects with what `send` failed with.
 */
export type Grouper<Item, Answer = void> = (item: Item) => Promise<Answer>;

export interface GrouperOptions {
  /** A group keeps the next one waiting until it has arrived, but no longer than this, in milliseconds. */
  readonly patienceMs?: number;
  /** The least time between the starts of two groups, in milliseconds, given the size of the first. */
  readonly spacingMs?: (size: number) => number;
}

/**
 * @param send answers in the order of the items, or nothing; an answer that is a promise of its own may fail alone
 */
export function createGrouper<Item, Answer = void>(
  maxPerGroup: number,
  send: (items: Item[]) => Promise<readonly (Answer | Promise<Answer>)[] | void>,
  { patienceMs = 20, spacingMs = () => 0 }: GrouperOptions = {},
): Grouper<Item, Answer> {
  let pending: Pending<Item, Answer>[] = [];
  let isSending = false;
  let earliestStart = 0;
  let timer: NodeJS.Timeout | undefined;
  let endOfTurn: NodeJS.Immediate | undefined;

  const sendNext = (): void => {
    if (isSending || pending.length === 0) return;
    // A full group has all the company that it can have.
    if (pending.length >= maxPerGroup) return start();
    const pauseMs = earliestStart - performance.now();
    // Not for a part of a millisecond: timers know whole ones.
    if (pauseMs < 0.5) endOfTurn ??= setImmediate(start);
    else
      timer ??= setTimeout(() => {
        timer = undefined;
        sendNext();
      }, pauseMs);
  };

  const start = (): void => {
    clearTimeout(timer);
    clearImmediate(endOfTurn);
    timer = endOfTurn = undefined;
    const group = pending.slice(0, maxPerGroup);
    pending = pending.slice(maxPerGroup);
    isSending = true;
    earliestStart = performance.now() + spacingMs(group.length);
    let isWaitedFor = true;
    const letNextGo = () => {
      if (!isWaitedFor) return;
      isWaitedFor = false;
      isSending = false;
      clearTimeout(patience);
      sendNext();
    };
    // One that hangs, at a lock or a dead server, must not hold up all that come after it.
    const patience = setTimeout(letNextGo, patienceMs);
    send(group.map(({ item }) => item))
      .then(
        (answers) =>
          group.forEach(({ resolve }, index) => resolve((answers as readonly Answer[] | undefined)?.[index] as Answer)),
        (error: unknown) => group.forEach(({ reject }) => reject(error)),
      )
      .finally(letNextGo);
  };

  return (item) =>
    new Promise((resolve, reject) => {
      pending.push({ item, resolve, reject });
      sendNext();
    });
}

/**
 * Groups only what comes in one run of promise callbacks, such as all that a reply of a store set going, and sends it before any who gave
 * it goes on: nothing that they do afterwards overtakes it.
 */
export function createPromptGrouper<Item>(maxPerGroup: number, send: (items: Item[]) => Promise<void>): Grouper<Item> {
  let group: { readonly items: Item[]; readonly sent: Promise<void> } | undefined;
  return (item) => {
    if (group !== undefined && group.items.length < maxPerGroup) group.items.push(item);
    else {
      const items = [item];
      const sent = Promise.resolve().then(() => {
        if (group?.items === items) group = undefined;
        return send(items);
      });
      group = { items, sent };
    }
    return group.sent;
  };
}

interface Pending<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
  readonly reject: (error: unknown) => void;
}
