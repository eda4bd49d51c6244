import type { OnClose } from '../support/closing.ts';
import { startPrometheus, type FiringAlert } from '../support/prometheus.ts';
import { until } from '../support/until.ts';

/** The fault that an alert is there for. */
export interface AlertCase {
  readonly alert: string;
  /** What is broken, in words. */
  readonly fault: string;
  /** An installation that is well and under its usual load. */
  open(onClose: OnClose): Promise<BreakableSite>;
}

interface BreakableSite {
  /** Its front ends. */
  readonly urls: readonly string[];
  breakIt(): Promise<unknown>;
  mend(): Promise<unknown>;
}

export interface AlertTimes {
  readonly alert: string;
  readonly fault: string;
  /** From the fault until the alert's expression held, and until the alert fired. */
  readonly pendingMs: number;
  readonly firingMs: number;
  /** From the end of the fault until the alert was over. */
  readonly clearedMs: number;
  readonly summary: string;
  /** Alerts that fired beside it. */
  readonly others: readonly string[];
}

/** Longer than any alert takes, in real durations, and than what is not divided: a process publishes every five seconds. */
const longestMs = 1_500_000;
const fixedMs = 240_000;
const scrapesBefore = 3;

/**
 * Breaks the site and waits until Prometheus fires the alert; mends it and waits until it is over.
 * @param factor by which the durations of the rules are divided
 * @throws if an alert, this or another, is there without the fault, or if this one does not come or does not end
 */
export async function runCase(
  { alert, fault, open }: AlertCase,
  { factor, onClose }: { readonly factor: number; readonly onClose: OnClose },
): Promise<AlertTimes> {
  const site = await open(onClose);
  const targets = site.urls.map((url) => new URL(url).host);
  const prometheus = await startPrometheus({ targets, factor, onClose });
  const timeoutMs = fixedMs + longestMs / factor;
  await until('Prometheus watches', () => prometheus.isWatching(), timeoutMs);
  await until(
    'it has seen some scrapes',
    async () => ((await prometheus.query('min(count_over_time(up[1h]))'))[0]?.value ?? 0) >= scrapesBefore,
    timeoutMs,
  );
  let early: FiringAlert[] = [];
  // On a busy machine a scrape may take too long.
  await until('no alert is there', async () => (early = await prometheus.alerts()).length === 0, timeoutMs).catch(
    () => {
      throw new Error(`without a fault: ${early.map(describe).join(', ')}`);
    },
  );

  const brokenAt = Date.now();
  await site.breakIt();
  let fired: FiringAlert | undefined;
  const isFiring = async () => {
    fired = (await prometheus.alerts()).find(({ name, state }) => name === alert && state === 'firing');
    return fired !== undefined;
  };
  await until(`${alert} fires`, isFiring, timeoutMs);
  const { activeAt, summary } = fired as FiringAlert;
  const firingMs = Date.now() - brokenAt;
  const others = (await prometheus.alerts()).filter(({ name, state }) => name !== alert && state === 'firing');

  const mendedAt = Date.now();
  await site.mend();
  await until(
    `${alert} is over`,
    async () => !(await prometheus.alerts()).some(({ name }) => name === alert),
    timeoutMs,
  );
  return {
    alert,
    fault,
    pendingMs: activeAt - brokenAt,
    firingMs,
    clearedMs: Date.now() - mendedAt,
    summary,
    others: [...new Set(others.map(({ name }) => name))].toSorted(),
  };
}

function describe({ name, state, summary }: FiringAlert): string {
  return `${name} (${state}: ${summary})`;
}
