import test from 'ava';
import { createGather } from '../../../apps/worker/login/gather.ts';

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

const company = {};

/** Runs each work in one company, and notes who goes on, in order. */
function runAll(gather: ReturnType<typeof createGather>, works: readonly ReturnType<typeof createWork>[]) {
  const going: (string | Error)[] = [];
  const runs = works.map(({ work }) =>
    gather(company, work).then(
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

test('those at work together go on together, when the last of them is done', async (t) => {
  const works = [createWork(), createWork(), createWork()] as const;
  const { going, runs } = runAll(createGather(never), works);
  works[1].end('b');
  await turn();
  works[0].end('a');
  await turn();
  t.deepEqual(going, []);
  works[2].end('c');
  await Promise.all(runs);
  t.deepEqual(sorted(going), ['a', 'b', 'c']);
});

test('one that is alone goes on at once', async (t) => {
  const gather = createGather(never);
  t.is(await gather(company, async () => 'first'), 'first');
  t.is(await gather(company, async () => 'second'), 'second');
});

test('nobody waits for another company', async (t) => {
  const gather = createGather(never);
  const slow = createWork();
  const other = gather(company, slow.work);
  t.is(await gather({}, async () => 'alone'), 'alone');
  slow.end('slow');
  t.is(await other, 'slow');
});

test('one that is slow keeps the others no longer than it may', async (t) => {
  const [slow, quick] = [createWork(), createWork()];
  const { going, runs } = runAll(createGather(3), [slow, quick]);
  quick.end('quick');
  await runs[1];
  t.deepEqual(going, ['quick']);
  slow.end('slow');
  await runs[0];
  t.deepEqual(going, ['quick', 'slow']);
});

test('one that fails does so alone, and is not waited for any more', async (t) => {
  const [failing, other] = [createWork(), createWork()];
  const { going, runs } = runAll(createGather(never), [failing, other]);
  other.end('other');
  failing.fail(new Error('failed'));
  await Promise.all(runs);
  t.deepEqual(sorted(going), ['Error: failed', 'other']);
});
