import test from 'ava';
import { createGrouper, createPromptGrouper } from '../../../shared/async/grouper.ts';

/** Sends that end when they are told to. */
function createSends() {
  const sends: { items: readonly number[]; end: () => void; fail: (error: Error) => void }[] = [];
  const send = (items: number[]) =>
    new Promise<void>((resolve, reject) => {
      sends.push({ items, end: resolve, fail: reject });
    });
  return { sends, send };
}

async function sentNext(sends: readonly unknown[], index: number): Promise<void> {
  while (sends[index] === undefined) await new Promise((resolve) => setImmediate(resolve));
}

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

test('what comes in one turn goes together, and what comes meanwhile goes next', async (t) => {
  const { sends, send } = createSends();
  const group = createGrouper<number>(10, send);
  const added = [1, 2].map((item) => group(item));
  t.is(sends.length, 0);
  await endOfTurn();
  added.push(group(3));
  await endOfTurn();
  added.push(group(4));
  t.deepEqual(
    sends.map(({ items }) => items),
    [[1, 2]],
  );
  sends[0]?.end();
  await sentNext(sends, 1);
  t.deepEqual(sends[1]?.items, [3, 4]);
  sends[1]?.end();
  await Promise.all(added);
  t.is(sends.length, 2);
});

test('a group that hangs holds up the next for a while only', async (t) => {
  const { sends, send } = createSends();
  const group = createGrouper<number>(2, send, { patienceMs: 1 });
  for (const item of [1, 2, 3, 4, 5]) void group(item);
  t.is(sends.length, 1);
  await sentNext(sends, 2);
  t.deepEqual(
    sends.map(({ items }) => items),
    [[1, 2], [3, 4], [5]],
  );
});

test('a group that comes soon after the last waits for company, a full one does not', async (t) => {
  const { sends, send } = createSends();
  const group = createGrouper<number>(3, send, { spacingMs: () => 60_000 });
  void group(1);
  await endOfTurn();
  t.deepEqual(sends[0]?.items, [1]);
  for (const item of [2, 3]) void group(item);
  sends[0]?.end();
  // It has arrived, and still the next one waits.
  await endOfTurn();
  t.is(sends.length, 1);
  void group(4);
  t.deepEqual(sends[1]?.items, [2, 3, 4]);

  const soon = createGrouper<number>(3, send, { spacingMs: (size) => 2 * size });
  void soon(5);
  await sentNext(sends, 2);
  for (const item of [6, 7]) void soon(item);
  sends[2]?.end();
  await sentNext(sends, 3);
  t.deepEqual(sends[3]?.items, [6, 7], 'after its time it goes though it is not full');
});

test('a failure is told to its own group alone', async (t) => {
  const { sends, send } = createSends();
  const group = createGrouper<number>(10, send);
  const first = group(1);
  await endOfTurn();
  const second = group(2);
  sends[0]?.fail(new Error('no'));
  await t.throwsAsync(first, { message: 'no' });
  await sentNext(sends, 1);
  sends[1]?.end();
  await t.notThrowsAsync(second);
});

test('each question gets its own answer, and one answer may fail alone', async (t) => {
  const ask = createGrouper<number, number>(10, async (questions) =>
    questions.map((question) => (question === 3 ? Promise.reject(new Error('three')) : question * 2)),
  );
  const answers = await Promise.allSettled([1, 2, 3, 4].map(ask));
  t.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as Error).message)),
    [2, 4, 'three', 8],
  );
});

test('what one run of promise callbacks gives goes together', async (t) => {
  const happened: string[] = [];
  const group = createPromptGrouper<number>(3, async (items) => {
    happened.push(`sent ${items.join(' ')}`);
  });
  const give = async (item: number) => {
    const sent = group(item);
    await Promise.resolve();
    happened.push(`${item} goes on`);
    await sent;
  };
  await Promise.all([1, 2, 3, 4].map(give));
  await give(5);
  t.deepEqual(happened, [
    'sent 1 2 3',
    '1 goes on',
    '2 goes on',
    '3 goes on',
    'sent 4',
    '4 goes on',
    'sent 5',
    '5 goes on',
  ]);
});

test('a prompt group waits for none before it, and a failure is told to its own', async (t) => {
  const { sends, send } = createSends();
  const group = createPromptGrouper<number>(3, send);
  const first = group(1);
  await Promise.resolve();
  const second = group(2);
  await Promise.resolve();
  t.is(sends.length, 2);
  sends[0]?.fail(new Error('no'));
  sends[1]?.end();
  await t.throwsAsync(first, { message: 'no' });
  await t.notThrowsAsync(second);
});
