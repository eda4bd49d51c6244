import { returnCodeOf } from '../protocol/envelope.ts';
import type { Failure } from '../protocol/outcome.ts';
import type { Log } from './log.ts';

/** What is said of a failed log-in: nothing of the user, and never the code. */
export interface LoginFailureFacts {
  readonly requestId: string;
  /** Whole milliseconds. */
  readonly ms: number;
  readonly [name: string]: string | number | undefined;
}

/** Lines of this kind in a second: a flood must not fill the disk. */
const linesPerSecond = 50;

/** What clients do wrong; else it is for us or at WeChat to mend. */
const ofClients = new Set<Failure['failure']>(['parameterError', 'noApp', 'codeRefused', 'loginDecryptFailed']);
/** Refusals of a code that say that the app is configured wrongly. */
const ofApps = /^(?:wechat:(?:40013|40125|40164|4023[0-6])|component_not_authorized)$/;

/**
 * Logs failed log-ins with code and reason, clients' faults at info, others at warn; each line tells how many before it were not told.
 * @param always what each of the lines says. Not a logger of its own, which would keep its level when that of all is changed
 */
export function createLoginFailureLog(
  log: Log,
  always: Readonly<Record<string, string>> = {},
): (failure: Failure, facts: LoginFailureFacts) => void {
  let second = 0;
  let told = 0;
  let untold = 0;
  return (failure, facts) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, told] = [now, 0];
    if (told >= linesPerSecond) {
      untold++;
      return;
    }
    told++;
    const { reason } = failure;
    const isOfClient = ofClients.has(failure.failure) && !ofApps.test(reason ?? '');
    const line = {
      ...always,
      ...facts,
      returnCode: returnCodeOf(failure),
      reason,
      ...(untold > 0 ? { alsoFailed: untold } : {}),
    };
    untold = 0;
    log[isOfClient ? 'info' : 'warn'](line, 'log-in failed');
  };
}
