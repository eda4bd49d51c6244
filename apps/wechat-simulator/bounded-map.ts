/** A map that forgets its oldest keys past a limit, so that a simulator under load for days does not grow. */
export class BoundedMap<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  toObject(): Record<string, Value> {
    return Object.fromEntries(this.#entries);
  }
}

/** Adds one to a counter. */
export function countUp(counts: BoundedMap<number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
