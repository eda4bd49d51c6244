import test from 'ava';
import { createSessionStore } from '../../../../apps/web/sessions/session-store.ts';
import type { Session } from '../../../../shared/session/session.ts';

const sessionOf = (row: number, different: Partial<Session> = {}): Session => ({
  row,
  appid: `wx${row % 3}`,
  openId: `openid${row}`,
  unionId: row % 2 === 0 ? '' : `union${row}`,
  skeyHash: `hash${row}`,
  createTime: 1_700_000_000 + row,
  lastVisitTime: 1_700_000_500 + row,
  fence: 1_700_000_000_123_456 + row,
  userInfoJson: `{"n":${row}}`,
  ...different,
});

test('what was put in comes out, with its end and its mark', (t) => {
  const store = createSessionStore(20_000);
  for (let row = 0; row < 20_000; row++) t.true(store.put(`id${row}`, sessionOf(row), row + 0.5, row * 2));
  t.is(store.size(), 20_000);
  for (let row = 0; row < 20_000; row += 7) {
    const place = store.find(`id${row}`);
    t.deepEqual(store.read(place), sessionOf(row));
    t.deepEqual([store.untilOf(place), store.markOf(place)], [row + 0.5, row * 2]);
  }
  t.is(store.find('id20000'), -1);
});

test('beyond its capacity the session that was put in longest ago makes room', (t) => {
  const store = createSessionStore(3);
  for (const row of [1, 2, 3]) store.put(`id${row}`, sessionOf(row), 1, 1);
  // Again, so it is the youngest now.
  store.put('id1', sessionOf(10), 1, 1);
  store.put('id4', sessionOf(4), 1, 1);
  t.deepEqual(
    ['id1', 'id2', 'id3', 'id4'].map((id) => store.find(id) >= 0),
    [true, false, true, true],
  );
  t.deepEqual(store.read(store.find('id1')), sessionOf(10));
  t.is(store.size(), 3);
});

test('a deleted session is gone, others of its chain stay', (t) => {
  // Few chains: nearly all ids share one with others.
  const store = createSessionStore(100);
  for (let round = 0; round < 50; round++) {
    const ids = Array.from({ length: 60 }, (_, index) => `r${round}-${index}`);
    ids.forEach((id, index) => store.put(id, sessionOf(index), 1, 1));
    for (const id of ids.filter((_, index) => index % 3 === 0)) store.delete(id);
    ids.forEach((id, index) => t.is(store.find(id) >= 0, index % 3 !== 0, id));
    store.delete('unknown');
  }
  store.clear();
  t.is(store.size(), 0);
  t.is(store.find('r49-1'), -1);
});

test('a session that is too long for a cell or not plain is not kept', (t) => {
  const store = createSessionStore(2);
  t.false(store.put('id', sessionOf(1, { userInfoJson: `"${'x'.repeat(800)}"` }), 1, 1));
  t.false(store.put('idé', sessionOf(1), 1, 1));
  t.false(store.put('id', sessionOf(1, { openId: '微信' }), 1, 1));
  t.is(store.size(), 0);
});

/** A store with the bytes that it reserves, also those that it has given back. */
function createWatchedStore(capacity: number) {
  const reserved: Buffer[] = [];
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (size) => {
    const bytes = allocUnsafeSlow(size).fill(0);
    reserved.push(bytes);
    return bytes;
  };
  const store = createSessionStore(capacity);
  return {
    store,
    has: (text: string) => reserved.some((bytes) => bytes.includes(text, 0, 'latin1')),
    isBlank: () => reserved.length > 0 && reserved.every((bytes) => bytes.every((byte) => byte === 0)),
    unwatch: () => void (Buffer.allocUnsafeSlow = allocUnsafeSlow),
  };
}

test('of a session that was deleted, replaced or pushed out no byte stays in memory', (t) => {
  const { store, has, isBlank, unwatch } = createWatchedStore(2);
  t.teardown(unwatch);
  const marksOf = (row: number) => [`id${row}`, `openid${row}`, `union${row}`, `hash${row}`, `{"n":${row}}`];
  const put = (id: string, row: number) => store.put(id, sessionOf(row), row, row);
  put('id11', 11);
  for (const mark of marksOf(11)) t.true(has(mark), mark);
  put('id11', 13);
  for (const mark of marksOf(11).slice(1)) t.false(has(mark), mark);
  put('id15', 15);
  put('id17', 17);
  for (const mark of [...marksOf(13), 'id11']) t.false(has(mark), mark);
  store.delete('id15');
  for (const mark of marksOf(15)) t.false(has(mark), mark);
  for (const mark of marksOf(17)) t.true(has(mark), mark);
  store.delete('id17');
  t.true(isBlank(), 'numbers are gone as well');
});

test('a store that was cleared gives back memory without a byte of a session', (t) => {
  // More than a block.
  const { store, has, isBlank, unwatch } = createWatchedStore(9000);
  t.teardown(unwatch);
  for (let row = 0; row < 9000; row++) store.put(`id${row}`, sessionOf(row), row, row);
  t.true(has('openid8999'));
  store.clear();
  t.true(isBlank());
  t.true(store.put('id1', sessionOf(1), 1, 1));
  t.deepEqual(store.read(store.find('id1')), sessionOf(1));
});
