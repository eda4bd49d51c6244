import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { createFreshList, type FreshList } from '../../../shared/store/fresh-list.ts';

/** A list whose reads end when the test says so, in any order. */
function createSlowList(keepsOnForget: boolean): {
  list: FreshList<readonly string[]>;
  reads: ((rows: string[]) => void)[];
  fails: ((error: Error) => void)[];
} {
  const reads: ((rows: string[]) => void)[] = [];
  const fails: ((error: Error) => void)[] = [];
  const list = createFreshList<string, readonly string[]>({
    what: 'the names',
    read: () =>
      new Promise((resolve, reject) => {
        reads.push(resolve);
        fails.push(reject);
      }),
    toView: (names) => names,
    keepsOnForget,
    onFailure: () => undefined,
  });
  return { list, reads, fails };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

for (const keepsOnForget of [true, false]) {
  const kind = keepsOnForget ? 'a list that is kept when forgotten' : 'a list that is dropped when forgotten';

  test(`${kind} ignores a read that began before forget and ends after a newer one`, async (t) => {
    const { list, reads } = createSlowList(keepsOnForget);
    const before = list.current();
    list.forget();
    const after = list.current();
    reads[1]?.(['new']);
    t.deepEqual(await after, ['new']);
    reads[0]?.(['old']);
    t.deepEqual(await before, ['new']);
    await settle();
    t.deepEqual(list.fresh(), ['new']);
  });

  test(`${kind} is read again when it says so, also if MySQL takes its time`, async (t) => {
    const { list, reads } = createSlowList(keepsOnForget);
    const first = list.current();
    reads[0]?.(['old']);
    await first;
    let isDone = false;
    const again = list.reread().then(() => (isDone = true));
    // Longer than a request waits for a list.
    await sleep(600);
    t.false(isDone);
    reads[1]?.(['new']);
    await again;
    t.deepEqual(list.fresh(), ['new']);
  });

  test(`${kind} is not said to be read again if that failed`, async (t) => {
    const { list, fails } = createSlowList(keepsOnForget);
    const again = list.reread();
    fails[0]?.(new Error('MySQL is away'));
    await t.throwsAsync(again, { message: 'the names could not be read again' });
  });

  test(`${kind} gives a caller that waits what was read after forget`, async (t) => {
    const { list, reads } = createSlowList(keepsOnForget);
    const waiting = list.current();
    list.forget();
    reads[0]?.(['old']);
    await settle();
    t.is(list.fresh(), undefined);
    reads[1]?.(['new']);
    t.deepEqual(await waiting, ['new']);
  });
}
