/** How long an app's sessions live. */
export interface SessionLimits {
  /** Days from the log-in, whatever happens since. */
  readonly loginDurationDays: number;
  /** Seconds from the last visit. */
  readonly sessionDurationSeconds: number;
}

/** The times of a session, seconds since 1970. */
export interface SessionTimes {
  readonly createTime: number;
  readonly lastVisitTime: number;
}

/**
 * Whether a session is within its app's limits; at exactly the limit it still is (PROTOCOL.md, 3).
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
  return age <= limits.loginDurationDays * 86_400 && idle <= limits.sessionDurationSeconds + slackSeconds;
}
