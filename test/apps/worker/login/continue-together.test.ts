import test from 'ava';
import { createContinueTogether } from '../../../../apps/worker/login/continue-together.ts';

/** Work that ends when it is told to. */
function createWork() {
  let end = (_result: string) => {};
  let fail = (_error: Error) => {};
  const done = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { work: () => done, end, fail };
}

const job = {};

/** Runs each work in one job, and notes what continues, in order. */
function runAll(
  continueTogether: ReturnType<typeof createContinueTogether>,
  works: readonly ReturnType<typeof createWork>[],
) {
  const going: (string | Error)[] = [];
  const runs = works.map(({ work }) =>
    continueTogether(job, work).then(
      (result) => going.push(result),
      (error: Error) => going.push(error),
    ),
  );
  return { going, runs };
}

const sorted = (going: readonly (string | Error)[]) =>
  going.map(String).toSorted((left, right) => left.localeCompare(right));
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Longer than any test: whoever waits for it fails. */
const never = 2 ** 31 - 1;

test('calls of one job continue together when the last of them is answered', async (t) => {
  const works = [createWork(), createWork(), createWork()] as const;
  const { going, runs } = runAll(createContinueTogether(never), works);
  works[1].end('b');
  await turn();
  works[0].end('a');
  await turn();
  t.deepEqual(going, []);
  works[2].end('c');
  await Promise.all(runs);
  t.deepEqual(sorted(going), ['a', 'b', 'c']);
});

test('a call that is alone in its job continues at once', async (t) => {
  const continueTogether = createContinueTogether(never);
  t.is(await continueTogether(job, async () => 'first'), 'first');
  t.is(await continueTogether(job, async () => 'second'), 'second');
});

test('a call does not wait for those of another job', async (t) => {
  const continueTogether = createContinueTogether(never);
  const slow = createWork();
  const other = continueTogether(job, slow.work);
  t.is(await continueTogether({}, async () => 'alone'), 'alone');
  slow.end('slow');
  t.is(await other, 'slow');
});

test('a slow call holds up the others of its job for the longest wait at most', async (t) => {
  const [slow, quick] = [createWork(), createWork()];
  const { going, runs } = runAll(createContinueTogether(3), [slow, quick]);
  quick.end('quick');
  await runs[1];
  t.deepEqual(going, ['quick']);
  slow.end('slow');
  await runs[0];
  t.deepEqual(going, ['quick', 'slow']);
});

test('a call that fails fails alone, and the others no longer wait for it', async (t) => {
  const [failing, other] = [createWork(), createWork()];
  const { going, runs } = runAll(createContinueTogether(never), [failing, other]);
  other.end('other');
  failing.fail(new Error('failed'));
  await Promise.all(runs);
  t.deepEqual(sorted(going), ['Error: failed', 'other']);
});
