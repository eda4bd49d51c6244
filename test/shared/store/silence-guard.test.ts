import test from 'ava';

import { createSilenceGuard } from '../../../shared/store/silence-guard.ts';

class NotAnswered extends Error {}
const createGuard = () => createSilenceGuard((error) => error instanceof NotAnswered);
const answer = async () => 'answer';
const noAnswer = async (): Promise<string> => {
  throw new NotAnswered();
};

test('after a statement that was not answered the next one fails untried', async (t) => {
  const guard = createGuard();
  await t.throwsAsync(guard.run(noAnswer), { instanceOf: NotAnswered });
  await t.throwsAsync(guard.run(answer), { name: 'DatabaseSilentError' });
});

test('an error with which the database answered is no silence', async (t) => {
  const guard = createGuard();
  const refuse = async (): Promise<string> => {
    throw new Error('duplicate entry');
  };
  await t.throwsAsync(guard.run(refuse), { message: 'duplicate entry' });
  t.is(await guard.run(answer), 'answer');
});

test('a statement that waits for a locked row, while others are answered, is no silence', async (t) => {
  const guard = createGuard();
  let giveUp = () => {};
  const locked = guard.run(
    () =>
      new Promise((_resolve, reject) => {
        giveUp = () => reject(new NotAnswered());
      }),
  );
  t.is(await guard.run(answer), 'answer');
  giveUp();
  await t.throwsAsync(locked, { instanceOf: NotAnswered });
  t.is(await guard.run(answer), 'answer');
});
