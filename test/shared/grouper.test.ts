import test from 'ava';
import { createGroupedLoader, createGrouper } from '../../shared/grouper.ts';

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

test('the first goes at once and alone, those that come while it is on its way go together', async (t) => {
  const { sends, send } = createSends();
  const grouper = createGrouper(10, send, { maxSending: 1 });
  const added = [1, 2, 3].map((item) => grouper.add(item));
  t.deepEqual(
    sends.map(({ items }) => items),
    [[1]],
  );
  sends[0]?.end();
  await sentNext(sends, 1);
  t.deepEqual(sends[1]?.items, [2, 3]);
  sends[1]?.end();
  await Promise.all(added);
  t.is(sends.length, 2);
});

test('a group holds no more than it may, and no more groups are on their way than may be', (t) => {
  const { sends, send } = createSends();
  const grouper = createGrouper(2, send, { maxSending: 2 });
  for (const item of [1, 2, 3, 4, 5]) void grouper.add(item);
  t.deepEqual(
    sends.map(({ items }) => items),
    [[1], [2]],
  );
});

test('a group that could start too soon after the last waits for company, a full one does not', async (t) => {
  const { sends, send } = createSends();
  const grouper = createGrouper(3, send, { maxSending: 9, spacingMs: 60_000 });
  for (const item of [1, 2, 3]) void grouper.add(item);
  t.deepEqual(
    sends.map(({ items }) => items),
    [[1]],
  );
  void grouper.add(4);
  t.deepEqual(sends[1]?.items, [2, 3, 4]);

  const soon = createGrouper(3, send, { spacingMs: 2 });
  const added = [5, 6, 7].map((item) => soon.add(item));
  sends[2]?.end();
  await sentNext(sends, 3);
  t.deepEqual(sends[3]?.items, [6, 7], 'after its time it goes though it is not full');
});

test('a failure is told to its own group alone', async (t) => {
  const { sends, send } = createSends();
  const grouper = createGrouper(10, send, { maxSending: 1 });
  const [first, second] = [grouper.add(1), grouper.add(2)];
  sends[0]?.fail(new Error('no'));
  await t.throwsAsync(first as Promise<void>, { message: 'no' });
  await sentNext(sends, 1);
  sends[1]?.end();
  await t.notThrowsAsync(second as Promise<void>);
});

test('each question gets its own answer, and one answer may fail alone', async (t) => {
  const ask = createGroupedLoader<number, number>(
    10,
    async (questions) =>
      questions.map((question) => (question === 3 ? Promise.reject(new Error('three')) : question * 2)),
    { maxSending: 1 },
  );
  const answers = await Promise.allSettled([1, 2, 3, 4].map(ask));
  t.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as Error).message)),
    [2, 4, 'three', 8],
  );
});
