import { limitsWithoutApp, type DefaultLimits } from '../../../shared/session/app-settings.ts';
import { findPassedLimit, isWithinLimits, type PassedLimit } from '../../../shared/session/expiry.ts';
import { maxVisitDelaySeconds } from '../../../shared/session/visit-log.ts';
import { isEndedSkey } from '../../../shared/store/session-ender.ts';
import type { UserRow } from '../store/user-rows.ts';

/** Which limit ended the session in this row before now. @param now seconds since 1970 */
export function findEndingLimit(row: UserRow, limits: DefaultLimits, now: number): PassedLimit | undefined {
  const limitsOfRow = row.appid === '' ? limitsWithoutApp(limits) : limits;
  return isWithinLimits(row, limitsOfRow, now, maxVisitDelaySeconds) ? undefined : findPassedLimit(row, limitsOfRow);
}

/** Whether a row's session is neither ended, expired nor revoked. @param now seconds since 1970 */
export function isLive(row: UserRow, limits: DefaultLimits, now: number): boolean {
  return !isEndedSkey(row.skey) && findEndingLimit(row, limits, now) === undefined;
}
