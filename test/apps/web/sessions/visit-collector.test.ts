import test from 'ava';
import { createVisitCollector } from '../../../../apps/web/sessions/visit-collector.ts';
import type { Session } from '../../../../shared/session/session.ts';
import { createVisitLog, type VisitBatch } from '../../../../shared/session/visit-log.ts';
import { closeAfterAll } from '../../../support/closing.ts';
import { connectTestRedis } from '../../../support/redis-client.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const session = (row: number): Session => ({
  row,
  appid: 'wx',
  openId: `user-${row}`,
  unionId: '',
  skeyHash: '',
  createTime: 1,
  lastVisitTime: 1,
  fence: 1,
  userInfoJson: 'null',
});

test('a thousand visits all leave, by calls of some hundreds, one after another', async (t) => {
  const log = createVisitLog(client);
  const sizes: number[] = [];
  let inFlight = 0;
  const add = async (batch: VisitBatch): Promise<boolean> => {
    sizes.push(batch.join('').split('\n').length - 1);
    t.is(++inFlight, 1);
    const isAlive = await log.add(batch);
    inFlight--;
    return isAlive;
  };
  const collector = createVisitCollector({ ...log, add });
  for (let row = 1; row <= 1000; row++) collector.record(session(row), 1000);
  await collector.close();
  t.true(Math.max(...sizes) <= 250, `${sizes.join()} in a call`);
  // The first call finds an empty log: all that was told before it would be told again, and there is nothing.
  t.is(
    sizes.reduce((sum, size) => sum + size, 0),
    1000,
  );
  t.is(await log.size(), 1000);
});

test('a visit of the second before is known here until the log has it', async (t) => {
  const collector = createVisitCollector({ ...createVisitLog(client), add: async () => true });
  collector.record(session(1), 1000);
  collector.record(session(2), 1001);
  t.deepEqual(collector.latest(1), { row: 1, time: 1000, base: 1 });
  t.deepEqual(collector.latest(2), { row: 2, time: 1001, base: 1 });
  t.is(collector.latest(3), undefined);
  t.is(collector.pending(), 2);
  await collector.close();
  t.is(collector.pending(), 0);
});

test('what was handed over lately is told again to a log that was found empty', async (t) => {
  const told: string[][] = [];
  const empties = [false, false, true];
  const add = async (batch: VisitBatch): Promise<boolean> => {
    told.push(batch.join('').split('\n').filter(Boolean));
    return empties[told.length - 1] !== true;
  };
  const collector = createVisitCollector({ ...createVisitLog(client), add });
  const handOver = async (row: number) => {
    collector.record(session(row), 1000);
    while (collector.pending() > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  for (const row of [1, 2, 3]) await handOver(row);
  t.deepEqual(told, [['1 1000 1'], ['2 1000 1'], ['3 1000 1'], ['1 1000 1'], ['2 1000 1']]);
  await collector.close();
});

test('where too many wait the later of two visits stays, and the oldest are given up', async (t) => {
  const most = 500_000;
  const collector = createVisitCollector({ ...createVisitLog(client), add: async () => true });
  for (let row = 1; row <= most; row++) collector.record(session(row), 1000);
  // All of them again but the last, and one more.
  for (let row = 1; row < most; row++) collector.record(session(row), 1001);
  collector.record(session(most + 1), 1002);
  t.is(collector.pending(), most);
  t.deepEqual(collector.latest(1), { row: 1, time: 1001, base: 1 });
  t.is(collector.latest(most), undefined);
  t.deepEqual(collector.latest(most + 1), { row: most + 1, time: 1002, base: 1 });
  await collector.close();
});
