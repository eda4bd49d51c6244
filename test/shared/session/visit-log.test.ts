import test from 'ava';
import { createVisitLog, encodeVisits, visitShards, type Visit } from '../../../shared/session/visit-log.ts';
import { connectTestRedis } from '../../support/redis-client.ts';

const closers: (() => Promise<void>)[] = [];
const { client } = await connectTestRedis((close) => void closers.push(close));
test.after.always(async () => {
  for (const close of closers) await close();
});

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

  test(`of two visits in one second the one with the older base stays, whichever comes first, ${how}`, async (t) => {
    const [one, other] = [newRow(), newRow()];
    await hand({ row: one, time: 101, base: 9 }, { row: one, time: 101, base: -7 });
    await hand({ row: other, time: 101, base: -7 }, { row: other, time: 101, base: 9 });
    t.deepEqual(await kept(one), { row: one, time: 101, base: -7 });
    t.deepEqual(await kept(other), { row: other, time: 101, base: -7 });
  });
}

test('a visit that came while an earlier one was written stays and waits again; one that is written leaves', async (t) => {
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
