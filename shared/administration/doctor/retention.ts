import { readRetentionState } from '../../retention/queue.ts';
import { isRetentionOn, type RetentionSettings } from '../../retention/settings.ts';
import { describeFinishedRun, describeTime } from '../describe-run.ts';
import type { OpenRedis } from '../stores.ts';
import { ok, warning, type Finding } from './finding.ts';

const check = 'retention';
/** Two days and an hour: a run of each day may take long. */
const lateMs = 49 * 3_600_000;

/** Whether rows leave as they should. */
export async function checkRetention({ commands, clock }: OpenRedis, settings: RetentionSettings): Promise<Finding[]> {
  const { last, current, nextAt } = await readRetentionState(commands);
  if (!isRetentionOn(settings))
    return nextAt === undefined
      ? []
      : [
          warning(
            check,
            `on in a worker, off here; next run ${describeTime(nextAt)}`,
            'Give SESSION_RETENTION_DAYS and AUDIT_RETENTION_DAYS the same values everywhere, then restart the workers.',
            'retention_differs',
          ),
        ];
  if (nextAt === undefined)
    return [
      warning(
        check,
        'on here, but no worker has scheduled a run',
        'Start or restart the workers with SESSION_RETENTION_DAYS or AUDIT_RETENTION_DAYS set.',
        'retention_not_scheduled',
      ),
    ];
  const found = last === undefined ? 'has not run yet' : describeFinishedRun(last);
  const now = current === undefined ? `next run ${describeTime(nextAt)}` : 'runs now';
  const isLate = nextAt < clock.nowMs() - lateMs || (last !== undefined && last.endedAt < clock.nowMs() - lateMs);
  if (!isLate) return [ok(check, `${found}; ${now}`)];
  return [
    warning(
      check,
      `${found}; ${now}: it is late`,
      'Look for "retention goes on later" in the logs of the workers; to start it now: npx wafer retention run',
      'retention_late',
    ),
  ];
}
