import { gaugeOf } from '../../metrics/gauge-of.ts';
import type { GroupFigures } from '../../metrics/read-figures.ts';
import type { QueueLoad } from '../../rpc/queue-state.ts';
import type { LiveProcess } from './processes.ts';
import type { StoreState } from './store-states.ts';

/** Something that does not work, or not as it should. */
export interface DegradedPart {
  readonly code: string;
  /** Users notice it. */
  readonly isFault: boolean;
  readonly detail: string;
  readonly remedy: string;
}

const remedies: Readonly<Record<StoreState['name'], readonly [detail: string, remedy: string]>> = {
  redis: ['The queue’s Redis does not take writes: nobody can log in', 'npx wafer doctor says why'],
  redis_cache: ['The cache’s Redis does not answer: every check reads MySQL', 'npx wafer doctor says why'],
  mysql: ['MySQL does not answer: only known sessions go on', 'npx wafer doctor says why'],
  mysql_writes: [
    'MySQL only reads: nobody can log in',
    'set global read_only = off, or let DATABASE_URL name the primary',
  ],
};

/** A log-in that waits this long is late. */
const slowMs = 1000;
const stuckMs = 5000;
/** Two that were left out. */
const sampleOverdueMs = 180_000;

/** All that is not as it should be; what users notice comes first. */
export function findDegraded(facts: {
  readonly stores: readonly StoreState[];
  /** undefined: Redis did not say. */
  readonly processes: readonly LiveProcess[] | undefined;
  readonly figures: readonly GroupFigures[];
  readonly queues: readonly QueueLoad[];
  readonly keyless: number;
  readonly apps: number | undefined;
  readonly refusedPerSecond: number;
  /** Milliseconds since the last sample; undefined: there is none, or none is wanted. */
  readonly sampleAgeMs: number | undefined;
}): DegradedPart[] {
  const { stores, processes, figures, queues, keyless, apps, refusedPerSecond, sampleAgeMs } = facts;
  const parts: DegradedPart[] = [];
  const add = (code: string, isFault: boolean, detail: string, remedy: string) =>
    void parts.push({ code, isFault, detail, remedy });
  for (const { name, isUp } of stores) if (!isUp) add(name, true, ...remedies[name]);
  const count = (role: string) => processes?.filter((each) => each.role === role).length;
  if (count('worker') === 0)
    add('worker', true, 'No worker lives: nobody can log in', 'Start one: npx pm2 start ecosystem.config.js');
  if (count('web') === 0) add('web', true, 'No front end lives', 'Start one: npx pm2 start ecosystem.config.js');
  if (apps === 0) add('app', true, 'No app is configured: every request is answered 1012', 'npx wafer app set <appid>');
  if (keyless > 0)
    add(
      'keys',
      true,
      'A worker lacks the key of a secret',
      'Give it the WAFER_KEYS of the others; npx wafer keys status',
    );
  addWechat(figures, add);
  const oldestMs = Math.max(0, ...queues.map(({ oldestWaitingMs = 0 }) => oldestWaitingMs));
  if (oldestMs >= slowMs)
    add(
      'queue_waits',
      oldestMs >= stuckMs,
      `The oldest job has waited ${(oldestMs / 1000).toFixed(1)} s`,
      'More workers, unless WeChat or MySQL is slow: npx wafer doctor',
    );
  if (refusedPerSecond > 0)
    add(
      'overloaded',
      true,
      `${refusedPerSecond} requests a second are refused, because they would wait in vain`,
      'More workers, unless WeChat or MySQL is slow: docs/operations.md, "Overload"',
    );
  if (sampleAgeMs !== undefined && sampleAgeMs > sampleOverdueMs)
    add(
      'samples_stand',
      false,
      `The last sample is ${Math.round(sampleAgeMs / 60_000)} minutes old`,
      'A worker takes one each minute: is one alive, does MySQL take writes?',
    );
  return parts.toSorted((one, other) => Number(other.isFault) - Number(one.isFault));
}

function addWechat(
  figures: readonly GroupFigures[],
  add: (code: string, isFault: boolean, detail: string, remedy: string) => void,
): void {
  // Each worker sees the same apps.
  const alerts = gaugeOf(figures, 'wafer_wechat_alert', 'max') ?? 0;
  if (alerts > 0)
    add(
      'wechat_alert',
      true,
      `WeChat refuses calls of ${alerts} app(s) until somebody acts`,
      'The errcodes below say what to do',
    );
  const open = gaugeOf(figures, 'wafer_wechat_breaker', 'max') ?? 0;
  if (open > 0)
    add(
      'wechat_breaker',
      true,
      `WeChat does not answer for ${open} app(s): it is asked three times a second only`,
      'Nothing if WeChat is away; npx wafer doctor if it is the network here',
    );
}
