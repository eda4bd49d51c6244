import test from 'ava';
import { createVisitLog, encodeVisits, visitShards, type Visit } from '../../../shared/session/visit-log.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { connectTestRedis } from '../../support/redis-client.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const log = createVisitLog(client);
let nextRow = 1;
/** Each test has sessions of its own, in one shard. */
const newRow = () => (nextRow += visitShards);
const add = (...visits: Visit[]) => log.add(encodeVisits(visits));
const kept = async (row: number) => (await log.read([row])).visits.get(row);

async function addInTwoCalls(earlier: Visit, later: Visit): Promise<void> {
  await add(earlier);
  await add(later);
}

for (const [how, hand] of [
  ['in one call', add],
  ['in two calls', addInTwoCalls],
] as const) {
  test(`of two visits of a session the later one stays, whichever comes first, ${how}`, async (t) => {
    const [one, other] = [newRow(), newRow()];
    await hand({ row: one, time: 101, base: 7 }, { row: one, time: 102, base: 9 });
    await hand({ row: other, time: 102, base: 9 }, { row: other, time: 101, base: 7 });
    t.deepEqual(await kept(one), { row: one, time: 102, base: 9 });
    t.deepEqual(await kept(other), { row: other, time: 102, base: 9 });
  });

  test(`of two visits in one second the one with the older base stays, ${how}`, async (t) => {
    const [one, other] = [newRow(), newRow()];
    await hand({ row: one, time: 101, base: 9 }, { row: one, time: 101, base: -7 });
    await hand({ row: other, time: 101, base: -7 }, { row: other, time: 101, base: 9 });
    t.deepEqual(await kept(one), { row: one, time: 101, base: -7 });
    t.deepEqual(await kept(other), { row: other, time: 101, base: -7 });
  });
}

test('a visit that came while an earlier one was written stays in the log', async (t) => {
  const [later, written, unsettled] = [newRow(), newRow(), newRow()];
  const due = [later, written, unsettled].map((row) => ({ row, time: 101, base: 7 }));
  const shard = later % visitShards;
  await add(...due);
  const dueKey = `wafer:{visits:${shard}}:due`;
  await client.zadd(dueKey, 'XX', 1, later, 1, written, 1, unsettled);
  await add({ row: later, time: 102, base: 7 });
  await log.settle(shard, due.slice(0, 2));

  t.deepEqual(await kept(later), { row: later, time: 102, base: 7 });
  t.true(Number(await client.zscore(dueKey, String(later))) > 1);
  t.is(await kept(written), undefined);
  t.is(await client.zscore(dueKey, String(written)), null);
  t.deepEqual(await kept(unsettled), { row: unsettled, time: 101, base: 7 });
  t.is(await client.zscore(dueKey, String(unsettled)), '1');
});

const nonsense = [
  'x y',
  '',
  ' ',
  '1',
  '1 ',
  '1 y',
  '1e9 1',
  'NaN NaN',
  '1 2 3',
  '1.5 1',
  '99999999999 1',
  // In 2096.
  '4000000000 1',
  '1 -',
  '1 1\n',
  '-1 1',
];

test('nonsense in the log leaves it, and holds up no visit', async (t) => {
  const own = { row: newRow(), time: 101, base: 7 };
  const shard = own.row % visitShards;
  const [visitsKey, dueKey] = [`wafer:{visits:${shard}}`, `wafer:{visits:${shard}}:due`];
  const forged = nonsense.map((text) => [newRow(), text] as const);
  const members = ['x', '', '1.5', '-1', '9'.repeat(400)];
  const alone = newRow();
  for (const [row, text] of forged) await client.hset(visitsKey, row, text);
  for (const member of members) await client.hset(visitsKey, member, '101 7');
  for (const member of [...forged.map(([row]) => row), ...members, alone]) await client.zadd(dueKey, 1, member);
  t.deepEqual([...(await log.read(forged.map(([row]) => row))).visits], []);
  await add(own);
  await client.zadd(dueKey, 'XX', 2, own.row);
  // Fewer than there is nonsense before it.
  t.deepEqual(
    (await log.due(shard, 3)).find(({ row }) => row === own.row),
    own,
  );
  for (const member of [...forged.map(([row]) => row), ...members, alone]) {
    t.is(await client.hget(visitsKey, String(member)), null);
    t.is(await client.zscore(dueKey, String(member)), null);
  }
});

test('a visit takes the place of nonsense, and is due', async (t) => {
  for (const text of nonsense) {
    const visit = { row: newRow(), time: 101, base: 7 };
    const shard = visit.row % visitShards;
    await client.hset(`wafer:{visits:${shard}}`, visit.row, text);
    await add(visit);
    t.deepEqual(await kept(visit.row), visit, text);
    t.not(await client.zscore(`wafer:{visits:${shard}}:due`, String(visit.row)), null);
  }
});

test.serial('keys of another type leave the log, and the next visit is kept', async (t) => {
  const visit = { row: newRow(), time: 101, base: 7 };
  const key = `wafer:{visits:${visit.row % visitShards}}`;
  await client.set(key, 'x');
  await client.set(`${key}:due`, 'x');
  await client.del(`${key}:born`);
  await client.hset(`${key}:born`, 'x', 'x');
  await add(visit);
  t.deepEqual(await kept(visit.row), visit);
  t.not(await client.zscore(`${key}:due`, String(visit.row)), null);
});
