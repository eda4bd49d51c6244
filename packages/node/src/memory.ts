/** What was found a moment ago, of sessions that were valid; refusals are never kept. */
export interface Memory<T> {
  find(id: string, skey: string): { readonly value: T } | undefined;
  keep(id: string, skey: string, value: T): void;
  forget(id: string, skey: string): void;
}

export function createMemory<T>(rememberMs: number, count: number): Memory<T> {
  /** In the order of their ends, since all live equally long. */
  const entries = new Map<string, { value: T; until: number }>();
  const keyOf = (id: string, skey: string) => JSON.stringify([id, skey]);

  return {
    find(id, skey) {
      const entry = entries.get(keyOf(id, skey));
      return entry !== undefined && performance.now() < entry.until ? entry : undefined;
    },
    keep(id, skey, value) {
      if (rememberMs <= 0) return;
      const key = keyOf(id, skey);
      entries.delete(key);
      entries.set(key, { value, until: performance.now() + rememberMs });
      for (const [oldest, { until }] of entries) {
        if (entries.size <= count && performance.now() < until) break;
        entries.delete(oldest);
      }
    },
    forget: (id, skey) => void entries.delete(keyOf(id, skey)),
  };
}
