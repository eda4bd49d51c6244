import { waitAtMost } from '../async/patience.ts';
import { nowSeconds } from '../session/wall-clock.ts';

/** A short list of MySQL that every request needs, such as the apps: kept in the process and read again every few seconds. */
export interface FreshList<View> {
  /** The list if it is younger than three seconds; undefined if `current` has to be asked. */
  fresh(): View | undefined;
  /**
   * The list, read again if it is older than three seconds, so that a change by plain SQL counts within five.
   * While MySQL is away the last known list goes on, or its copy.
   * @throws {ListUnavailableError} if there is neither, and it can't be read now
   */
  current(): Promise<View>;
  /** Makes the next use read again. No read that began before this call counts any more. */
  forget(): void;
  /** Forgets, and resolves when what is read from then on counts, however long that takes. @throws if it could not be read */
  reread(): Promise<void>;
}

/** Where the list outlives the process, or its being forgotten, while MySQL is away. */
export interface ListCopy<Item> {
  /** @param at the second, since 1970, in which the reading of them began */
  save(items: readonly Item[], at: number): Promise<void>;
  load(): Promise<Item[] | undefined>;
}

export class ListUnavailableError extends Error {
  constructor(what: string) {
    super(`${what} were never read and can not be read now`);
    this.name = 'ListUnavailableError';
  }
}

const freshMs = 3000;
/** Younger than this the list is used without a look; between this and `freshMs` it is read again behind the request's back. */
const youngMs = 2000;
/** How long a request waits for a read before it goes on with the last known list. */
const patienceMs = 400;
const retryMs = 1000;
/** The copy is written again after this time: Redis may have lost it, and another process may have saved what it read before. */
const copyAgainMs = 10_000;
const never = Number.NEGATIVE_INFINITY;

export function createFreshList<Item, View>({
  what,
  read,
  toView,
  copy,
  keepsOnForget,
  onFailure,
}: {
  /** What the list holds, for the message of the error. */
  readonly what: string;
  readonly read: () => Promise<Item[]>;
  readonly toView: (items: readonly Item[]) => View;
  readonly copy?: ListCopy<Item> | undefined;
  /** Whether a forgotten list still serves while MySQL is away. If not, the copy does. */
  readonly keepsOnForget: boolean;
  readonly onFailure: (error: unknown) => void;
}): FreshList<View> {
  let known: View | undefined;
  /** What the copy holds, as far as this process knows. */
  let copied = '';
  let copiedAt = never;
  let readAt = never;
  /** The last attempt failed, or took too long: meanwhile nobody waits for the next. */
  let failedAt = never;
  let reading: Promise<void> | undefined;
  let generation = 0;

  const accept = (items: readonly Item[], startedAt: number, startedAtSeconds: number): void => {
    known = toView(items);
    readAt = startedAt;
    failedAt = never;
    const text = JSON.stringify(items);
    if (text === copied && startedAt - copiedAt < copyAgainMs) return;
    copied = text;
    copiedAt = startedAt;
    copy?.save(items, startedAtSeconds).catch(() => {
      if (copied === text) copied = '';
    });
  };

  /** One read at a time. Whoever waits for one that was forgotten meanwhile waits for the read after it. */
  const refresh = (): Promise<void> => (reading ??= readNow());

  const readNow = async (): Promise<void> => {
    const asked = generation;
    const startedAt = performance.now();
    const startedAtSeconds = nowSeconds();
    try {
      const items = await read();
      if (asked === generation) accept(items, startedAt, startedAtSeconds);
    } catch (error) {
      onFailure(error);
      if (asked === generation) failedAt = performance.now();
    }
    if (asked !== generation) return refresh();
    reading = undefined;
  };

  const fresh = (): View | undefined => {
    const age = performance.now() - readAt;
    if (age >= freshMs) return undefined;
    if (age > youngMs) void refresh();
    return known;
  };

  const forget = (): void => {
    generation++;
    if (!keepsOnForget) known = undefined;
    // The copy may have been forgotten as well.
    copied = '';
    readAt = never;
    failedAt = never;
    reading = undefined;
  };

  return {
    fresh,
    forget,
    async current() {
      const young = fresh();
      if (young !== undefined) return young;
      if (performance.now() - failedAt >= retryMs) {
        const hasFailed = failedAt !== never;
        const attempt = refresh();
        if (known === undefined || !hasFailed)
          await waitAtMost(patienceMs, attempt, () => (failedAt = performance.now()));
      }
      if (known === undefined) {
        const saved = await copy?.load().catch(() => undefined);
        if (known === undefined && saved !== undefined) known = toView(saved);
      }
      if (known === undefined) throw new ListUnavailableError(what);
      return known;
    },
    async reread() {
      forget();
      await refresh();
      if (readAt === never) throw new Error(`${what} could not be read again`);
    },
  };
}
