/** What was found a moment ago, of sessions that were valid; refusals are never kept. */
export interface Memory<T> {
  find(id: string, skey: string): { readonly value: T } | undefined;
  /** Keeps a copy. @param askedAt by performance.now(): what was forgotten since is not kept */
  keep(id: string, skey: string, value: T, askedAt: number): void;
  /** Whatever its skey. */
  forgetSession(id: string): void;
  forgetAll(): void;
}

/** Longer than any check takes. */
const forgottenMs = 60_000;
/** Beyond it everything is forgotten, which is never wrong. */
const mostForgotten = 20_000;
/** No server gives longer ones. */
const longestId = 100;

export function createMemory<T>(rememberMs: number, count: number): Memory<T> {
  /** In the order of their ends, since all live equally long. */
  const entries = new Map<string, { readonly id: string; readonly value: T; readonly until: number }>();
  const keysOf = new Map<string, Set<string>>();
  /** When, the oldest first. */
  const forgotten = new Map<string, number>();
  let allForgottenAt = Number.NEGATIVE_INFINITY;
  const keyOf = (id: string, skey: string) => JSON.stringify([id, skey]);

  const drop = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    const keys = keysOf.get(entry.id);
    keys?.delete(key);
    if (keys?.size === 0) keysOf.delete(entry.id);
  };
  const noteForgotten = (id: string) => {
    const now = performance.now();
    forgotten.delete(id);
    forgotten.set(id, now);
    for (const [oldest, at] of forgotten) {
      if (now - at < forgottenMs) break;
      forgotten.delete(oldest);
    }
  };

  const forgetAll = () => {
    allForgottenAt = performance.now();
    entries.clear();
    keysOf.clear();
    forgotten.clear();
  };

  return {
    find(id, skey) {
      const entry = entries.get(keyOf(id, skey));
      return entry !== undefined && performance.now() < entry.until ? entry : undefined;
    },
    keep(id, skey, value, askedAt) {
      if (rememberMs <= 0 || id.length > longestId || askedAt <= Math.max(allForgottenAt, forgotten.get(id) ?? 0))
        return;
      const key = keyOf(id, skey);
      drop(key);
      entries.set(key, { id, value: structuredClone(value), until: performance.now() + rememberMs });
      keysOf.set(id, (keysOf.get(id) ?? new Set()).add(key));
      for (const [oldest, { until }] of entries) {
        if (entries.size <= count && performance.now() < until) break;
        drop(oldest);
      }
    },
    forgetSession(id) {
      if (rememberMs <= 0) return;
      for (const key of keysOf.get(id) ?? []) drop(key);
      // Whoever logs out names the id: made-up ones must not fill the memory.
      if (id.length > longestId) return;
      noteForgotten(id);
      if (forgotten.size > mostForgotten) forgetAll();
    },
    forgetAll,
  };
}
