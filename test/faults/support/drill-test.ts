import test from 'ava';

import { createRandom } from '../../support/random.ts';
import { createDrills, shortLengths } from './drill.ts';
import type { Fault } from './fault.ts';

/** A few dozen requests a second: enough to be hit at every moment, little enough for a small machine that is busy. */
const rates = { loginsPerSecond: 20, checksPerSecond: 40 };
const timeoutMs = 110_000;

/** A test for each of these faults on one site, which each has to leave whole. Outcomes count, times do not. */
export function testFaults(faults: readonly Fault[]): void {
  const closers: (() => Promise<void>)[] = [];
  const drills = createDrills({
    onClose: (close) => void closers.push(close),
    lengths: shortLengths,
    rates,
    random: createRandom(1),
  });
  test.after.always(async () => {
    for (const close of closers.toReversed()) await close();
  });
  for (const fault of faults) {
    test.serial(`${fault.title}: ${fault.holds}`, async (t) => {
      t.timeout(timeoutMs);
      const missing = await fault.findMissing?.();
      if (missing !== undefined) {
        t.log(`not run: ${missing}`);
        t.pass();
        return;
      }
      const { checks } = await drills.run(fault);
      const broken = checks.filter(({ holds, isTiming }) => !holds && !isTiming);
      t.deepEqual(
        broken.map(({ what, seen }) => `${what}: ${seen}`),
        [],
      );
    });
  }
}
