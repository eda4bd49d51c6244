/** One thing that the doctor looked at. */
export interface Finding {
  /** What was looked at, such as `redis.policy`. */
  readonly check: string;
  /** `fault`: something does not work or will not; `warning`: it works, but not as it should. */
  readonly state: 'ok' | 'warning' | 'fault';
  readonly found: string;
  /** What to do about it, with a command where there is one. */
  readonly remedy?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found };
}

export function warning(check: string, found: string, remedy: string): Finding {
  return { check, state: 'warning', found, remedy };
}

export function fault(check: string, found: string, remedy: string): Finding {
  return { check, state: 'fault', found, remedy };
}

/** The whole run stays below ten seconds, start of the process included. */
const groupTimeoutMs = 8000;

/** Findings of one group, in bounded time; what the group throws is a finding too. */
export async function examine(group: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    const found = `no result within ${groupTimeoutMs / 1000} s`;
    timer = setTimeout(
      () => resolve([fault(group, found, 'Check the network between here and there.')]),
      groupTimeoutMs,
    );
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown';
    return [fault(group, message, 'See what it says; then run this again: npm run wafer -- doctor')];
  } finally {
    clearTimeout(timer);
  }
}

/** Two clocks may differ by this much before somebody has to care. */
export const clockToleranceSeconds = 5;

export function describeDrift(seconds: number): string {
  return `${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? 'behind' : 'ahead of'} this machine's`;
}
