import test from 'ava';

import { createSilenceGuard } from '../../../shared/store/silence-guard.ts';

class NotAnswered extends Error {}
let now = 0;
const createGuard = () =>
  createSilenceGuard(
    (error) => error instanceof NotAnswered,
    () => now,
  );
const answer = async () => 'answer';
const failAfter = (tookMs: number) => async (): Promise<string> => {
  now += tookMs;
  throw new NotAnswered();
};

test.serial('after a statement that was not answered the next one fails untried', async (t) => {
  const guard = createGuard();
  await t.throwsAsync(guard.run(failAfter(1500)), { instanceOf: NotAnswered });
  await t.throwsAsync(guard.run(answer), { name: 'DatabaseSilentError' });
  now += 1000;
  t.is(await guard.run(answer), 'answer');
});

test.serial('a server that refuses connections at once is asked again at once', async (t) => {
  const guard = createGuard();
  await t.throwsAsync(guard.run(failAfter(2)), { instanceOf: NotAnswered });
  t.is(await guard.run(answer), 'answer');
});

test.serial('an error with which the database answered is no silence', async (t) => {
  const guard = createGuard();
  const refuse = async (): Promise<string> => {
    throw new Error('duplicate entry');
  };
  await t.throwsAsync(guard.run(refuse), { message: 'duplicate entry' });
  t.is(await guard.run(answer), 'answer');
});

test.serial('a statement that waits for a locked row is no silence', async (t) => {
  const guard = createGuard();
  let giveUp = () => {};
  const locked = guard.run(
    () =>
      new Promise((_resolve, reject) => {
        giveUp = () => reject(new NotAnswered());
      }),
  );
  t.is(await guard.run(answer), 'answer');
  now += 1500;
  giveUp();
  await t.throwsAsync(locked, { instanceOf: NotAnswered });
  t.is(await guard.run(answer), 'answer');
});
