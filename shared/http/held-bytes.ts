/** What clients have sent and is not answered yet, of a whole process. */
export interface HeldBytes {
  /** @returns false if there is no room for them; then they are not held */
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

export function createHeldBytes(most: number): HeldBytes {
  let held = 0;
  return {
    hold(bytes) {
      if (held + bytes > most) return false;
      held += bytes;
      return true;
    },
    release: (bytes) => void (held -= bytes),
  };
}
