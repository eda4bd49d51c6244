import type { Log } from '../../../shared/log/log.ts';

const repeatAfterMs = 1000;

/** Logs what was refused, for which reason and to which address. */
export type RefusalLog = (reason: string, findAddress: () => string | undefined) => void;

/**
 * Logs refusals at most once a second, with a count of suppressed ones, so that a flood can't fill the disk. Never logs
 * the URL.
 */
export function createRefusalLog(log: Log): RefusalLog {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (reason, findAddress) => {
    const now = performance.now();
    if (now - toldAt < repeatAfterMs) {
      untold++;
      return;
    }
    const address = findAddress() ?? 'unknown';
    log.warn({ reason, address, ...(untold > 0 ? { alsoRefused: untold } : {}) }, 'request refused');
    toldAt = now;
    untold = 0;
  };
}
