import test from 'ava';
import { dailyRun, openRetentionQueue, writeLastRun } from '../../../shared/retention/queue.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { openRedis } from '../../support/open-redis.ts';
import { startStack } from '../../support/stack.ts';
import { runCli } from './run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const redis = openRedis(stack.redis?.url);
onClose(() => redis.disconnect());
const queue = await openRetentionQueue(redis);
const on = { SESSION_RETENTION_DAYS: '90' };

const retentionOf = async (env: Record<string, string> = on) => {
  const { json } = await runCli({ ...stack.env, ...env }, ['doctor', '--json']);
  const findings = json.findings as { check: string; state: string; found: string; cause?: string }[];
  return findings.filter(({ check }) => check === 'retention').map(({ state, cause, found }) => [state, cause, found]);
};
const schedule = () => queue.upsertJobScheduler(dailyRun.id, { pattern: dailyRun.pattern, tz: dailyRun.tz }, {});
const hourMs = 3_600_000;
const removed = { sessions: 7, audit: 1 };

test.serial('the doctor says nothing of a retention that is off', async (t) => {
  t.deepEqual(await retentionOf({}), []);
});

test.serial('the doctor misses a schedule that no worker has made', async (t) => {
  const [[state, cause] = []] = await retentionOf();
  t.deepEqual([state, cause], ['warning', 'retention_not_scheduled']);
});

test.serial('the doctor and queue show tell when rows last left, and how many', async (t) => {
  await schedule();
  const [[never, , nothing] = []] = await retentionOf();
  t.is(never, 'ok');
  t.regex(nothing ?? '', /^has not run yet; next run \d{4}-\d\d-\d\d 04:00:00 \(UTC\+8\)$/);
  await writeLastRun(redis, { endedAt: Date.now() - 5 * hourMs, tookMs: 61_000, removed });
  const [[state, , found] = []] = await retentionOf();
  t.is(state, 'ok');
  t.regex(
    found ?? '',
    /^last run ended \d{4}\S+ \S+ \(UTC\+8\), took 61 s, removed 7 sessions, 1 audit entry; next run /,
  );
  const shown = await runCli(stack.env, ['queue', 'show', '--json']);
  t.like(shown.json.retention, { last: { tookMs: 61_000, removed }, current: null });
  const { stdout } = await runCli(stack.env, ['queue', 'show']);
  t.regex(stdout, /^retention: last run ended .*, took 61 s, removed 7 sessions, 1 audit entry; next run .*$/m);
});

test.serial('the doctor warns of a last run of more than two days ago', async (t) => {
  await writeLastRun(redis, { endedAt: Date.now() - 50 * hourMs, tookMs: 1, removed: {} });
  const [[state, cause] = []] = await retentionOf();
  t.deepEqual([state, cause], ['warning', 'retention_late']);
});

test.serial('the doctor warns of a retention that is on in workers and off here', async (t) => {
  const [[state, cause] = []] = await retentionOf({});
  t.deepEqual([state, cause], ['warning', 'retention_differs']);
});

for (const [name, value] of [
  ['SESSION_RETENTION_DAYS', '0'],
  ['AUDIT_RETENTION_DAYS', '90 days'],
] as const) {
  test.serial(`${name}=${value} is a fault that nothing runs with`, async (t) => {
    const run = await runCli({ ...stack.env, [name]: value }, ['retention', 'run', '--dry-run', '--json']);
    t.is(run.status, 1);
    t.is(run.json.error.code, 'configuration');
    t.regex(run.stderr, new RegExp(name));
  });
}
