/** One thing that the doctor looked at. */
export interface Finding {
  /** What was looked at, such as `redis.policy`. */
  readonly check: string;
  /** `fault`: something does not work or will not; `warning`: it works, but not as it should. */
  readonly state: 'ok' | 'warning' | 'fault';
  readonly found: string;
  /** What to do about it, with a command where there is one. */
  readonly remedy?: string;
  /** One word for programs where a check can fail for several reasons, such as `redis_silent`. */
  readonly cause?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found };
}

export function warning(check: string, found: string, remedy: string, cause?: string): Finding {
  return { check, state: 'warning', found, remedy, ...(cause === undefined ? {} : { cause }) };
}

export function fault(check: string, found: string, remedy: string, cause?: string): Finding {
  return { check, state: 'fault', found, remedy, ...(cause === undefined ? {} : { cause }) };
}

/** The whole run stays below ten seconds, start of the process included. */
const runTimeoutMs = 9000;
/** On a machine so busy that the start alone took seconds, the checks still get as long as their own limits need. */
const leastTimeoutMs = 6000;

/** Findings of one group, in bounded time; what the group throws is a finding too. */
export async function examine(group: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  const timeoutMs = Math.max(runTimeoutMs - process.uptime() * 1000, leastTimeoutMs);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    const found = `no result within ${(timeoutMs / 1000).toFixed(1)} s`;
    const remedy = 'Check the network between here and there.';
    timer = setTimeout(() => resolve([fault(group, found, remedy, 'no_result')]), timeoutMs);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown';
    return [fault(group, message, 'See what it says; then run this again: npx wafer doctor')];
  } finally {
    clearTimeout(timer);
  }
}
