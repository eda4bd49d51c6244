import { fault, ok, warning, type Finding } from './finding.ts';

/** Two clocks may differ by this much before somebody has to care. */
const toleranceSeconds = 5;
/** From here on certificates, tokens and the age of user data are judged wrongly, and sessions end at another time than they should. */
const faultSeconds = 30;

/**
 * Judges how far one clock is from another.
 * @param seconds positive if `whose` clock is ahead of `reference`
 * @param cause which clock it is, for programs, such as `clock_redis`
 */
export function judgeClock(
  check: string,
  { whose, seconds, reference, cause }: { whose: string; seconds: number; reference: string; cause: string },
): Finding {
  const found = `the clock of ${whose} is ${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? 'behind' : 'ahead of'} ${reference}`;
  if (Math.abs(seconds) <= toleranceSeconds) return ok(check, found);
  const judge = Math.abs(seconds) < faultSeconds ? warning : fault;
  const remedy =
    'Let both machines set their clocks by NTP: timedatectl set-ntp true. The one that `chronyc tracking` calls off is wrong.';
  return judge(check, found, remedy, cause);
}

export const thisMachine = "this machine's";
