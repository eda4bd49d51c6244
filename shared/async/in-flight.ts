/**
 * Entries in progress, by key. A plain Map would keep removed values alive: V8 copies a Map from time to time while
 * entries come and go, and the old copy refers to the new one. Once a copy is in memory that only a full collection
 * frees, so are all later ones with everything that was in them (nearly every log-in, with its user data and its
 * answer). This one clears the value when it is removed. See docs/performance/experiments.md.
 */
export interface InFlight<Key, Value> {
  get(key: Key): Value | undefined;
  /** @param key not in it */
  add(key: Key, value: Value): void;
  /** Takes it out; undefined if it is not in it. */
  take(key: Key): Value | undefined;
  keys(): IterableIterator<Key>;
  size(): number;
}

export function createInFlight<Key, Value>(): InFlight<Key, Value> {
  const places = new Map<Key, { value: Value | undefined }>();
  return {
    get: (key) => places.get(key)?.value,
    add: (key, value) => void places.set(key, { value }),
    take(key) {
      const place = places.get(key);
      if (place === undefined) return undefined;
      const { value } = place;
      place.value = undefined;
      places.delete(key);
      return value;
    },
    keys: () => places.keys(),
    size: () => places.size,
  };
}
