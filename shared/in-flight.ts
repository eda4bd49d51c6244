/**
 * What is under way, by its key. A Map would do, but for its memory: V8 copies a Map now and then that things come into and go out of, and
 * the old copy refers to the new one. Once one of them lies where only a full collection frees anything, so does each that comes after it,
 * and with it whatever was in it when it was copied: nearly each log-in, with its user data and its answer (docs/performance.md). Here what
 * is taken out is let go of, whoever still knows of the place where it was.
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
