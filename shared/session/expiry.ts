/** How long an app's sessions live. */
export interface SessionLimits {
  /** Days from the log-in, whatever happens since. */
  readonly loginDurationDays: number;
  /** Seconds from the last visit. */
  readonly sessionDurationSeconds: number;
  /** Sessions of earlier log-ins are void; microseconds since 1970. */
  readonly revokedBeforeUs: number;
}

/** The times of a session. */
export interface SessionTimes {
  /** Of the log-in, seconds since 1970. */
  readonly createTime: number;
  /** Of the last visit, seconds since 1970. */
  readonly lastVisitTime: number;
  /** Of the log-in, microseconds of Redis's clock; 0 for rows of the original. */
  readonly fence: number;
}

/** What ended a session by its app's limits. */
export type PassedLimit = 'expired' | 'idle' | 'revoked';

/**
 * Whether a session is within its app's limits; at exactly the limit it still is (docs/protocol.md#valid).
 * @param slackSeconds how much older than known the last visit may be, when visits may have been lost on the way to MySQL
 */
export function isWithinLimits(
  times: SessionTimes,
  limits: SessionLimits,
  nowSeconds: number,
  slackSeconds = 0,
): boolean {
  const age = nowSeconds - times.createTime;
  const idle = nowSeconds - times.lastVisitTime;
  return (
    age <= limits.loginDurationDays * 86_400 &&
    idle <= limits.sessionDurationSeconds + slackSeconds &&
    loginTimeUs(times) > limits.revokedBeforeUs
  );
}

/** Which limit a session passed first, that is within them no longer. */
export function findPassedLimit(times: SessionTimes, limits: SessionLimits): PassedLimit {
  const expiredAt = times.createTime + limits.loginDurationDays * 86_400;
  const idleAt = times.lastVisitTime + limits.sessionDurationSeconds;
  const revokedAt = loginTimeUs(times) > limits.revokedBeforeUs ? Infinity : limits.revokedBeforeUs / 1_000_000;
  if (revokedAt < Math.min(expiredAt, idleAt)) return 'revoked';
  return expiredAt <= idleAt ? 'expired' : 'idle';
}

/**
 * create_time of a log-in of ours is the time of its write: later than its fence by as long as the log-in took (twice LOGIN_DEADLINE_MS and 15 s at
 * most, if it is repeated) and by what the clocks of a worker and of Redis are apart.
 */
const ownWriteUs = 120_000_000;

/**
 * When a session's log-in was, for revocations. The original moves create_time but knows no fence; so where create_time is much later than
 * the fence, the original has written the row since.
 */
function loginTimeUs({ createTime, fence }: SessionTimes): number {
  const createTimeUs = createTime * 1_000_000;
  return fence > 0 && createTimeUs - fence <= ownWriteUs ? fence : createTimeUs;
}
