import test from 'ava';
import { createVisitedRows, createVisitList } from '../../../../apps/web/sessions/visit-numbers.ts';

test('a list gives its visits back in their order, each once', (t) => {
  const list = createVisitList();
  const visits = Array.from({ length: 5000 }, (_, index) => ({ row: index + 1, time: 1_800_000_000, base: index }));
  for (const { row, time, base } of visits) list.push(row, time, base);
  list.push(7, 1_800_000_001, 9);
  t.is(list.size(), 5001);
  t.deepEqual(list.findLast(7), { row: 7, time: 1_800_000_001, base: 9 });
  t.is(list.findLast(5001), undefined);
  t.deepEqual(list.drain(), [...visits, { row: 7, time: 1_800_000_001, base: 9 }]);
  t.is(list.size(), 0);
  t.is(list.findLast(7), undefined);
  t.deepEqual(list.drain(), []);
  list.push(3, 2, 1);
  t.deepEqual(list.drain(), [{ row: 3, time: 2, base: 1 }]);
});

test('rows know their bases, however many they are and wherever they lie', (t) => {
  const rows = createVisitedRows();
  // Near each other, far apart, and more than 32 bits hold.
  const bases = new Map<number, number>();
  for (let index = 1; index <= 10_000; index++)
    for (const row of [index, index * 4096, index + 2 ** 40]) bases.set(row, index);
  for (const [row, base] of bases) {
    t.is(rows.baseOf(row), undefined);
    rows.set(row, base);
  }
  for (const [row, base] of bases) if (rows.baseOf(row) !== base) t.fail(`row ${row}: ${rows.baseOf(row)}`);
  rows.set(4096, -5);
  t.is(rows.baseOf(4096), -5);
  t.is(rows.baseOf(10_001), undefined);
  rows.clear();
  for (const row of bases.keys()) if (rows.baseOf(row) !== undefined) t.fail(`row ${row}`);
  rows.set(1, 2);
  t.is(rows.baseOf(1), 2);
});
