import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { createJobSpacing } from '../../../../apps/web/rpc/job-spacing.ts';
import { until } from '../../../support/until.ts';

/** Longer than the process looks at its load at once. */
const whileMs = 300;

test('jobs are as far apart as the last one was large, within a limit', (t) => {
  const spacingMs = createJobSpacing();
  t.is(spacingMs(1), 4);
  t.is(spacingMs(3), 12);
  t.is(spacingMs(32), 16);
});

test.serial('a process that has no time left spares itself jobs, until it has', async (t) => {
  const spacingMs = createJobSpacing();
  const busyUntil = performance.now() + whileMs;
  while (performance.now() < busyUntil);
  const busy = spacingMs(32);
  t.true(busy > 48 && busy <= 72, `${busy} ms`);
  t.is(spacingMs(2), 8);
  await until('the process has time again', async () => {
    await setTimeout(whileMs);
    return spacingMs(32) === 16;
  });
});
