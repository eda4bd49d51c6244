import type { Log } from '../../shared/log/log.ts';
import { returnCodeOf } from '../../shared/protocol/envelope.ts';
import type { Failure } from '../../shared/protocol/outcome.ts';

/** Logs a sample of the checks of sessions, while somebody wants it. */
export interface CheckLog {
  /** One line for so many checks; 0: none, and then it costs nothing. */
  every: number;
  /** @param startedAt by performance.now() */
  note(found: Found | Promise<Found>, startedAt: number, requestId: string): void;
}

type Found = Failure | { readonly ok: true; readonly app: { readonly appid: string } };

/** Whatever was asked for: the disk must not fill. */
const linesPerSecond = 200;

export function createCheckLog(log: Log): CheckLog {
  let count = 0;
  let second = 0;
  let told = 0;

  const tell = (found: Found, isRemembered: boolean, startedAt: number, requestId: string): void => {
    const now = performance.now();
    if (Math.floor(now / 1000) !== second) [second, told] = [Math.floor(now / 1000), 0];
    if (told++ >= linesPerSecond) return;
    const ms = Math.round((now - startedAt) * 1000) / 1000;
    const facts = { requestId, isRemembered, ms, every: checkLog.every };
    if (found.ok) log.info({ ...facts, returnCode: 0, appid: found.app.appid }, 'check');
    else log.info({ ...facts, returnCode: returnCodeOf(found), reason: found.reason }, 'check');
  };

  const checkLog: CheckLog = {
    every: 0,
    note(found, startedAt, requestId) {
      if (++count % checkLog.every !== 0) return;
      if (!(found instanceof Promise)) return tell(found, true, startedAt, requestId);
      const late = found.then((later) => tell(later, false, startedAt, requestId));
      // Whoever asked hears of it.
      late.catch(() => undefined);
    },
  };
  return checkLog;
}
