import test from 'ava';
import { createRunOnce } from '../../../../apps/worker/rpc/run-once.ts';

test('a call that comes again, during its run or after it, gets what came of it', async (t) => {
  const once = createRunOnce<number>(() => 0);
  let runs = 0;
  const work = async () => ++runs;
  const first = once.run('a', 10, work);
  t.is(once.run('a', 10, work), first);
  t.is(await first, 1);
  t.is(await once.run('a', 10, work), 1);
  t.is(await once.run('b', 10, work), 2);
});

test('calls are forgotten after their deadline', async (t) => {
  const clock = { now: 0 };
  const once = createRunOnce<number>(() => clock.now);
  let runs = 0;
  for (; clock.now < 1000; clock.now++) await once.run(`call${clock.now}`, clock.now + 10, async () => ++runs);
  t.is(runs, 1000);
  t.is(await once.run('call995', 1005, async () => ++runs), 996);
  t.is(await once.run('call5', 15, async () => ++runs), 1001);
});

test('a run that fails is a run', async (t) => {
  const once = createRunOnce<number>(() => 0);
  const fail = async (): Promise<number> => {
    throw new Error('failed');
  };
  await t.throwsAsync(once.run('a', 10, fail), { message: 'failed' });
  await t.throwsAsync(
    once.run('a', 10, async () => 1),
    { message: 'failed' },
  );
});
