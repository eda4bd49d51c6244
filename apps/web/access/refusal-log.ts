import { createOncePerSecond, type Log } from '../../../shared/log/log.ts';

/** Logs what was refused, for which reason and to which address, or to which caller. */
export type RefusalLog = (reason: string, findAddress: () => string | undefined, caller?: string) => void;

/**
 * Logs refusals at most once a second, with a count of suppressed ones, so that a flood can't fill the disk. Never logs
 * the URL.
 */
export function createRefusalLog(log: Log): RefusalLog {
  const oncePerSecond = createOncePerSecond();
  return (reason, findAddress, caller) =>
    oncePerSecond((leftOut) => {
      const whom = caller === undefined ? { address: findAddress() ?? 'unknown' } : { caller };
      log.warn({ reason, ...whom, ...(leftOut > 0 ? { alsoRefused: leftOut } : {}) }, 'request refused');
    });
}
