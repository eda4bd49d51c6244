import { createOncePerSecond, type Log } from '../../../shared/log/log.ts';

/** Logs what was refused, for which reason and to which address. */
export type RefusalLog = (reason: string, findAddress: () => string | undefined) => void;

/**
 * Logs refusals at most once a second, with a count of suppressed ones, so that a flood can't fill the disk. Never logs
 * the URL.
 */
export function createRefusalLog(log: Log): RefusalLog {
  const oncePerSecond = createOncePerSecond();
  return (reason, findAddress) =>
    oncePerSecond((leftOut) => {
      const address = findAddress() ?? 'unknown';
      log.warn({ reason, address, ...(leftOut > 0 ? { alsoRefused: leftOut } : {}) }, 'request refused');
    });
}
