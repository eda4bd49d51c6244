/** Knows whether the exchange of a code can still be done in the time that its caller has left: a code that is begun is spent. */
export interface TimeLeft {
  isEnough(remainingMs: number): boolean;
  /** An exchange took so long. */
  note(tookMs: number): void;
}

/** How much the latest exchange counts. */
const weight = 0.1;

/**
 * @param reserveMs that a log-in needs after WeChat's answer
 * @param maxMs an exchange is not expected to take longer, so that a log-in with most of its time left is always tried
 */
export function createTimeLeft(reserveMs: number, maxMs: number): TimeLeft {
  let usualMs = 0;
  return {
    isEnough: (remainingMs) => remainingMs >= reserveMs + Math.min(usualMs, maxMs),
    note(tookMs) {
      usualMs = usualMs === 0 ? tookMs : usualMs + weight * (tookMs - usualMs);
    },
  };
}
