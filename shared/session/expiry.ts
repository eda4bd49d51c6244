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
    // The original moves create_time but knows no fence, so the later of the two tells when the log-in was.
    Math.max(times.createTime * 1_000_000, times.fence) > limits.revokedBeforeUs
  );
}
