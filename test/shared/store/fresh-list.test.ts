import test from 'ava';
import { createFreshList, type FreshList } from '../../../shared/store/fresh-list.ts';

/** A list whose reads end when the test says so, in any order. */
function createSlowList(keepsOnForget: boolean): {
  list: FreshList<readonly string[]>;
  reads: ((rows: string[]) => void)[];
} {
  const reads: ((rows: string[]) => void)[] = [];
  const list = createFreshList<string, readonly string[]>({
    what: 'the names',
    read: () => new Promise((resolve) => reads.push(resolve)),
    toView: (names) => names,
    keepsOnForget,
    onFailure: () => undefined,
  });
  return { list, reads };
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
