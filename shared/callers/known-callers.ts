import { waitAtMost } from '../patience.ts';
import type { Caller } from '../store/caller-store.ts';

/** Who may call, as a front end knows it. */
export interface KnownCallers {
  /**
   * The caller with this key. Answers without waiting while the list is young; else reads it again, so that a change by SQL
   * counts within five seconds. While MySQL is away the last known list goes on, or its copy.
   * @throws {CallersUnavailableError} if the list was never read and can't be read now
   */
  find(keyHash: string): Caller | undefined | Promise<Caller | undefined>;
  /** Makes the next use read again. */
  forget(): void;
}

class CallersUnavailableError extends Error {
  constructor() {
    super('the callers were never read and can not be read now');
    this.name = 'CallersUnavailableError';
  }
}

/** Where the list outlives the process, for a start while MySQL is away. It holds hashes, no keys. */
export interface CallersCopy {
  save(callers: readonly Caller[]): Promise<void>;
  load(): Promise<Caller[] | undefined>;
}

const freshMs = 3000;
/** Older than this, but still fresh: read again behind the request's back. */
const youngMs = 2000;
/** How long a request waits for a read before it goes on with the list at hand. */
const patienceMs = 400;
const retryMs = 1000;

type ByHash = ReadonlyMap<string, Caller>;

export function createKnownCallers({
  read,
  copy,
  onFailure,
}: {
  read: () => Promise<Caller[]>;
  copy: CallersCopy;
  onFailure: (error: unknown) => void;
}): KnownCallers {
  let byHash: ByHash | undefined;
  let saved = '';
  let readAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let generation = 0;

  const refresh = (): Promise<void> => {
    const asked = generation;
    const started = performance.now();
    reading ??= read()
      .then((callers) => {
        // A read that began before `forget` may have seen a caller that is revoked.
        if (asked !== generation) return;
        byHash = toMap(callers);
        readAt = started;
        failedAt = Number.NEGATIVE_INFINITY;
        const text = JSON.stringify(callers);
        if (text !== saved) void copy.save(callers).catch(() => undefined);
        saved = text;
      })
      .catch((error: unknown) => {
        onFailure(error);
        if (asked === generation) failedAt = performance.now();
      })
      .finally(() => {
        if (asked === generation) reading = undefined;
      });
    return reading;
  };

  const current = async (): Promise<ByHash> => {
    const now = performance.now();
    if (now - failedAt >= retryMs) {
      const attempt = refresh();
      // Once a read has failed or was slow nobody waits for the next: it goes on behind the requests' backs.
      if (byHash === undefined || failedAt === Number.NEGATIVE_INFINITY)
        await waitAtMost(patienceMs, attempt, () => (failedAt = performance.now()));
    }
    if (byHash === undefined) {
      const copied = await copy.load().catch(() => undefined);
      if (byHash === undefined && copied !== undefined) byHash = toMap(copied);
    }
    if (byHash === undefined) throw new CallersUnavailableError();
    return byHash;
  };

  return {
    find(keyHash) {
      const age = performance.now() - readAt;
      if (byHash === undefined || age >= freshMs) return current().then((known) => known.get(keyHash));
      if (age > youngMs) void refresh();
      return byHash.get(keyHash);
    },
    forget() {
      generation++;
      // A revocation writes the copy first: without MySQL it knows more than this process does.
      byHash = undefined;
      saved = '';
      readAt = Number.NEGATIVE_INFINITY;
      failedAt = Number.NEGATIVE_INFINITY;
      reading = undefined;
    },
  };
}

function toMap(callers: readonly Caller[]): ByHash {
  return new Map(callers.map((caller) => [caller.keyHash, caller]));
}
