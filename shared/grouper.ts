/**
 * Sends items in groups without making anybody wait for company on a quiet server: the first goes alone and at once; those that come
 * while it is on its way, or within a moment after it, go together. So a quiet server has the latency of single sends, and a busy one
 * the cost of groups.
 */
export interface Grouper<Item> {
  /** Resolves when the item's group was sent; rejects with what `send` failed with. */
  add(item: Item): Promise<void>;
}

export interface GrouperOptions {
  /** Groups on their way at once; more items than these take wait for the next group. */
  readonly maxSending?: number;
  /** The least time between the starts of two groups, in milliseconds. */
  readonly spacingMs?: number;
}

export function createGrouper<Item>(
  maxPerGroup: number,
  send: (items: Item[]) => Promise<void>,
  { maxSending = 2, spacingMs = 0 }: GrouperOptions = {},
): Grouper<Item> {
  let pending: { item: Item; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let sending = 0;
  let startedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const sendNext = (): void => {
    if (sending >= maxSending || pending.length === 0) return;
    // A full group has all the company that it can have.
    const pauseMs = pending.length < maxPerGroup ? startedAt + spacingMs - performance.now() : 0;
    // Not for a part of a millisecond: timers know whole ones.
    if (pauseMs < 0.5) return start();
    timer ??= setTimeout(() => {
      timer = undefined;
      sendNext();
    }, pauseMs);
  };

  const start = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const group = pending.slice(0, maxPerGroup);
    pending = pending.slice(maxPerGroup);
    sending++;
    startedAt = performance.now();
    send(group.map(({ item }) => item))
      .then(
        () => group.forEach(({ resolve }) => resolve()),
        (error: unknown) => group.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        sending--;
        sendNext();
      });
    sendNext();
  };

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        pending.push({ item, resolve, reject });
        sendNext();
      }),
  };
}

/**
 * The same for questions: many are asked in one go where many wait, and each gets its own answer.
 * @param loadMany answers in the order of the questions; one that is a promise of its own may fail alone
 */
export function createGroupedLoader<Question, Answer>(
  maxPerGroup: number,
  loadMany: (questions: Question[]) => Promise<(Answer | Promise<Answer>)[]>,
  options: GrouperOptions = {},
): (question: Question) => Promise<Answer> {
  const grouper = createGrouper<{ question: Question; answer?: Answer | Promise<Answer> }>(
    maxPerGroup,
    async (items) => {
      const answers = await loadMany(items.map(({ question }) => question));
      items.forEach((item, index) => {
        item.answer = answers[index] as Answer | Promise<Answer>;
      });
    },
    options,
  );
  return async (question) => {
    const item: { question: Question; answer?: Answer | Promise<Answer> } = { question };
    await grouper.add(item);
    return item.answer as Answer | Promise<Answer>;
  };
}
