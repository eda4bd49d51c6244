import test from 'ava';
import { createAdmission, type Place } from '../../../../apps/web/rpc/admission.ts';

const maxQueuedMs = 2000;
const deadlineMs = 8000;

interface Simulated {
  readonly offered: number;
  readonly refused: number;
  readonly done: number;
  readonly unanswered: number;
  readonly doneOf: Readonly<Record<string, number>>;
  /** Of each front end, at the end. */
  readonly limits: readonly number[];
  readonly longestWaitMs: number;
}

interface Load {
  readonly perSecond: number;
  readonly seconds: number;
  /** Calls that the workers have in hand at once; 0 while they are dead. */
  readonly slots?: number;
  readonly serviceMs?: number;
  readonly keyOf?: (call: number) => string;
}

interface Call {
  readonly key: string;
  readonly since: number;
  readonly place: Place;
  isOver: boolean;
  queuedMs: number;
  endsAt: number;
}

/** Front ends and one first-in-first-out queue in a clock of its own; workers pass over what can't be done any more. */
function createWorld(frontEnds = 1) {
  let now = 0;
  const admissions = Array.from({ length: frontEnds }, () =>
    createAdmission({ maxQueuedMs, maxTotalMs: deadlineMs, nowMs: () => now }),
  );
  const queue: Call[] = [];
  let running: Call[] = [];
  let waiting: Call[] = [];

  return function run({ perSecond, seconds, slots = 5, serviceMs = 100, keyOf = () => 'app' }: Load): Simulated {
    const counts = { offered: 0, refused: 0, done: 0, unanswered: 0, longestWaitMs: 0 };
    const doneOf: Record<string, number> = {};
    let owed = 0;
    for (const end = now + seconds * 1000; now < end; now++) {
      for (const call of running.filter(({ endsAt, isOver }) => endsAt <= now && !isOver)) {
        call.isOver = true;
        counts.done++;
        doneOf[call.key] = (doneOf[call.key] ?? 0) + 1;
        counts.longestWaitMs = Math.max(counts.longestWaitMs, now - call.since);
        call.place.answered(call.queuedMs);
      }
      running = running.filter(({ isOver }) => !isOver);
      for (const call of waiting.filter(({ since, isOver }) => !isOver && now - since >= deadlineMs)) {
        call.isOver = true;
        counts.unanswered++;
        call.place.unanswered();
      }
      waiting = waiting.filter(({ isOver }) => !isOver);
      for (owed += perSecond / 1000; owed >= 1; owed--) {
        const key = keyOf(counts.offered);
        const place = admissions[counts.offered++ % frontEnds]?.enter(key);
        if (place === undefined) counts.refused++;
        else {
          const call = { key, since: now, place, isOver: false, queuedMs: 0, endsAt: 0 };
          queue.push(call);
          waiting.push(call);
        }
      }
      while (running.length < slots) {
        const call = queue.shift();
        if (call === undefined) break;
        if (call.isOver || now - call.since + serviceMs > deadlineMs) continue;
        call.queuedMs = now - call.since;
        call.endsAt = now + serviceMs;
        running.push(call);
      }
    }
    return { ...counts, doneOf, limits: admissions.map((admission) => admission.limit()) };
  };
}

for (const factor of [2, 5, 20]) {
  test(`at ${factor} times the capacity the workers stay busy and nobody waits in vain`, (t) => {
    const run = createWorld();
    const { done, unanswered, longestWaitMs, refused, offered } = run({ perSecond: 50 * factor, seconds: 30 });
    t.true(done >= 0.95 * 50 * 30, `${done} done`);
    t.is(unanswered, 0);
    t.true(longestWaitMs < 6000, `${longestWaitMs} ms`);
    t.true(refused + done > offered - 250);
  });
}

test('half of the capacity is never refused, however slow WeChat is', (t) => {
  for (const serviceMs of [20, 100, 1000, 4500]) {
    const { refused, unanswered } = createWorld()({ perSecond: 50, seconds: 30, slots: 500, serviceMs });
    t.deepEqual([refused, unanswered], [0, 0], `${serviceMs} ms`);
  }
});

test('sixteen front ends that do not know of each other share one small queue', (t) => {
  const run = createWorld(16);
  // At the start each lets in what it would without the others.
  const { done, unanswered } = run({ perSecond: 250, seconds: 20 });
  t.true(done >= 0.95 * 50 * 20, `${done} done`);
  t.true(unanswered < 4096, `${unanswered} unanswered`);
  const later = run({ perSecond: 250, seconds: 40 });
  t.true(later.done >= 0.95 * 50 * 40, `${later.done} done`);
  t.is(later.unanswered, 0);
  t.true(Math.max(...later.limits) <= 24, later.limits.join(' '));
});

test('WeChat getting thirty times slower shortens the queue within seconds', (t) => {
  const run = createWorld();
  run({ perSecond: 250, seconds: 10 });
  run({ perSecond: 250, seconds: 20, serviceMs: 3000 });
  const { done, unanswered, limits } = run({ perSecond: 250, seconds: 30, serviceMs: 3000 });
  t.true(done >= 40, `${done} done`);
  t.true(unanswered < done / 2, `${unanswered} unanswered`);
  t.true((limits[0] as number) < 20, limits.join(' '));
  const after = run({ perSecond: 250, seconds: 10 });
  t.true(after.done >= 400, `${after.done} done afterwards`);
});

test('with all workers dead two calls at a time try whether one is back', (t) => {
  const run = createWorld();
  run({ perSecond: 50, seconds: 5, slots: 200 });
  t.deepEqual(run({ perSecond: 50, seconds: 20, slots: 0 }).limits, [2]);
  const dead = run({ perSecond: 50, seconds: 20, slots: 0 });
  t.true(dead.unanswered <= 6, `${dead.unanswered}`);
  const back = run({ perSecond: 50, seconds: 1, slots: 200 });
  t.true(back.refused <= 10, `${back.refused} refused`);
  t.is(run({ perSecond: 50, seconds: 20, slots: 200 }).refused, 0);
});

test('a burst after an idle time is let in', (t) => {
  const run = createWorld();
  run({ perSecond: 0.5, seconds: 60 });
  t.is(run({ perSecond: 1000, seconds: 0.1 }).refused, 0);
  t.is(run({ perSecond: 0.5, seconds: 10 }).unanswered, 0);
});

test('an app’s flood does not take the places of another app', (t) => {
  // 1000 a second, one in a hundred of them of the quiet app.
  const keyOf = (call: number) => (call % 100 === 0 ? 'quiet' : 'loud');
  const { doneOf } = createWorld()({ perSecond: 1000, seconds: 30, keyOf });
  const { quiet = 0, loud = 0 } = doneOf;
  t.true(quiet >= 0.85 * 10 * 30, `${quiet} of 300`);
  t.true(loud >= 0.7 * 40 * 30, `${loud}`);
});

test('a place is free again however its call ended', (t) => {
  const admission = createAdmission({ maxQueuedMs, maxTotalMs: deadlineMs });
  const ways = ['left', 'answeredLate', 'unanswered'] as const;
  for (const way of ways) admission.enter('app')?.[way]();
  admission.enter('app')?.answered(0);
  admission.enter('app')?.answered(undefined);
  t.is(admission.waiting(), 0);
});
