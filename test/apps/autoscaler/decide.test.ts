import test from 'ava';
import * as fc from 'fast-check';
import {
  calmForMs,
  decide,
  downEveryMs,
  freshMemory,
  regretMs,
  upEveryMs,
  type Decision,
  type Limits,
  type Load,
  type Memory,
} from '../../../apps/autoscaler/decide.ts';
import { checkProperty } from '../../support/properties.ts';

const placesOfOne = 100;
const calm: Load = {
  oldestMs: 0,
  refused: 0,
  workers: 4,
  places: 4 * placesOfOne,
  taken: 0,
  loopDelayMs: 11,
  cpuShare: 0.01,
};
const pressed: Load = { ...calm, oldestMs: 900, taken: 4 * placesOfOne };
const limits = { min: 1, max: 8 };

interface Seen extends Decision {
  readonly atMs: number;
  readonly workers: number;
}

/** A look a second at a load that goes as `loadAt` says; each step is made at once. */
function run(seconds: number, loadAt: (second: number, workers: number) => Load | undefined, { min, max }: Limits) {
  let memory: Memory = freshMemory;
  let workers = min;
  let steppedAtMs: number | undefined;
  const seen: Seen[] = [];
  for (let second = 0; second < seconds; second++) {
    const atMs = second * 1000;
    const sinceStepMs = steppedAtMs === undefined ? undefined : atMs - steppedAtMs;
    const decision = decide(memory, { atMs, workers, sinceStepMs, load: loadAt(second, workers) }, { min, max });
    ({ memory } = decision);
    seen.push({ ...decision, atMs, workers });
    if (decision.step === 'stay') continue;
    workers += decision.step === 'up' ? 1 : -1;
    steppedAtMs = atMs;
  }
  const steps = seen.filter(({ step }) => step !== 'stay');
  return { seen, steps, workers, most: Math.max(...seen.map((each) => each.workers), workers) };
}

/** What workers show of so many calls in hand that come; those without a place wait. */
const loadOf = (calls: number, workers: number): Load => {
  const places = workers * placesOfOne;
  return { ...calm, workers, places, taken: Math.min(calls, places), oldestMs: calls > places ? 2000 : 0 };
};

test('a burst makes workers one by one, each six seconds or more after the one before', (t) => {
  const { steps, most } = run(120, (_, workers) => loadOf(550, workers), limits);
  t.deepEqual(new Set(steps.map(({ step }) => step)), new Set(['up']));
  t.is(most, 6);
  t.true((steps[0]?.atMs ?? 0) <= 3000);
  t.true(steps.every(({ atMs }, index) => index === 0 || atMs - (steps[index - 1]?.atMs ?? 0) >= upEveryMs));
});

test('after a burst the workers leave one by one, a minute of calm for each', (t) => {
  const { steps, workers } = run(600, (second, count) => loadOf(second < 60 ? 350 : 20, count), limits);
  t.is(workers, 1);
  const downs = steps.filter(({ step }) => step === 'down');
  t.is(downs.length, 3);
  t.true(downs.every(({ atMs }, index) => atMs >= 60_000 + (index + 1) * calmForMs));
});

test('while WeChat is slow and workers have free places there is not one more', (t) => {
  const slow = (second: number): Load => ({ ...calm, taken: 340, refused: second % 3, oldestMs: 3000 });
  const { steps, seen } = run(300, slow, { min: 4, max: 8 });
  t.deepEqual(steps, []);
  t.true(seen.some(({ isHeld, why }) => isHeld === true && why.includes('free places')));
});

test('a load that comes and goes keeps the workers that it needs', (t) => {
  for (const period of [10, 30, 50]) {
    const flapping = (second: number, workers: number) => loadOf(second % (2 * period) < period ? 350 : 0, workers);
    const { steps } = run(1800, flapping, limits);
    t.deepEqual(
      steps.map(({ step }) => step),
      ['up', 'up', 'up'],
      `${period} s`,
    );
  }
});

test('of one that comes and goes every few minutes steps get rarer', (t) => {
  const { steps } = run(14_400, (second, workers) => loadOf(second % 180 < 90 ? 180 : 0, workers), limits);
  const downs = steps.filter(({ step }) => step === 'down').length;
  t.true(downs >= 1 && downs <= 3, `${downs} of 80 times`);
});

test('a step down that nobody regrets costs the next one nothing', (t) => {
  const twice = (second: number, workers: number) =>
    loadOf([0, 900].includes(second - (second % 60)) ? 180 : 0, workers);
  const downs = run(1800, twice, limits).steps.filter(({ step }) => step === 'down');
  t.is(downs.length, 2);
  t.true((downs[1]?.atMs ?? 0) - 960_000 <= calmForMs + 1000);
  t.true(regretMs < 900_000 - (downs[0]?.atMs ?? 0));
});

test('too few for the settings become more whatever the load, too many fewer', (t) => {
  const at = (workers: number, load: Load | undefined) =>
    decide(freshMemory, { atMs: 0, workers, sinceStepMs: undefined, load }, { min: 2, max: 4 }).step;
  for (const load of [calm, pressed, undefined]) {
    t.is(at(1, load), 'up');
    t.is(at(5, load), 'down');
    t.is(at(0, load), 'stay');
  }
});

const anyLoad: fc.Arbitrary<Load | undefined> = fc.option(
  fc.record({
    oldestMs: fc.nat(5000),
    refused: fc.oneof(fc.constant(0), fc.nat(100)),
    workers: fc.integer({ min: 1, max: 20 }),
    places: fc.integer({ min: 1, max: 1000 }),
    taken: fc.nat(1200),
    loopDelayMs: fc.nat(400),
    cpuShare: fc.double({ min: 0, max: 1.2, noNaN: true }),
  }),
  { nil: undefined },
);

test('whatever is seen: within the limits, with a reason, never two steps at once', async (t) => {
  const anyLimits = fc.record({ min: fc.integer({ min: 1, max: 4 }), more: fc.nat(6) });
  const property = fc.property(fc.array(anyLoad, { minLength: 1, maxLength: 200 }), anyLimits, (loads, given) => {
    const { min, more } = given;
    const { seen, steps } = run(400, (second) => loads[Math.floor(second / 2) % loads.length], {
      min,
      max: min + more,
    });
    for (const { workers, step } of seen) {
      if (workers < min || workers > min + more) return false;
      if (step === 'up' && workers === min + more) return false;
      if (step === 'down' && workers === min) return false;
    }
    return steps.every(({ step, atMs }, index) => {
      const load = loads[Math.floor(atMs / 2000) % loads.length];
      const before = steps[index - 1];
      const since = before === undefined ? Number.POSITIVE_INFINITY : atMs - before.atMs;
      if (load === undefined) return false;
      if (step === 'down') return since >= downEveryMs && load.oldestMs <= 100 && load.refused === 0;
      const isBusy = load.taken >= load.places * 0.9 || load.cpuShare >= 0.85 || load.loopDelayMs >= 150;
      return since >= upEveryMs && isBusy && (load.oldestMs >= 500 || load.refused > 0 || load.taken >= load.places);
    });
  });
  await t.notThrowsAsync(checkProperty(property, 200));
});
