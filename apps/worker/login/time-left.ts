/** Estimates whether an exchange fits into the caller's remaining time. Starting one spends the code. */
export interface TimeLeft {
  isEnough(remainingMs: number): boolean;
  /** Learns from an exchange that took so long. */
  note(tookMs: number): void;
}

/** Share of the latest exchange in the average. */
const weight = 0.1;

/**
 * @param reserveMs what a log-in needs after WeChat's answer
 * @param maxMs upper bound of the estimate, so that a log-in with most of its time left is always tried
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
