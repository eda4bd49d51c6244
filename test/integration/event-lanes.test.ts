import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { movePlaces, readDueLanes, readLanes } from '../../shared/events/event-log.ts';
import { laneCount } from '../../shared/events/outbox.ts';
import { eventsPrefix, eventsQueue } from '../../shared/events/queue.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startEventReceiver, type EventReceiver } from '../support/event-receiver.ts';
import { openRedis } from '../support/open-redis.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, env: { EVENTS_PRIVATE_TARGETS: '127.0.0.0/8' } });
const { database, env } = stack;
const sequelize = openDatabase(stack.config.database.primary, { poolSize: 4 });
onClose(() => sequelize.close());

const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());
const delayedJobs = `${eventsPrefix}:${eventsQueue}:delayed`;

/** An endpoint of a receiver of its own, until the test ends. */
async function addReceiver(t: ExecutionContext, name: string): Promise<EventReceiver> {
  const receiver = await startEventReceiver((close) => t.teardown(close));
  const { status, stdout, stderr } = await runCli(env, ['events', 'add', name, receiver.url]);
  t.is(status, 0, stdout + stderr);
  t.teardown(async () => void (await runCli(env, ['events', 'remove', name])));
  return receiver;
}

/** Notes that something happened to a user in each of these lanes, as log-ins do. @returns the users */
async function happen(lanes: readonly number[], at = Date.now()): Promise<string[]> {
  const users = lanes.map((lane) => `user-${lane}`);
  await database.query('insert into cWaferOutbox (at, event, lane, appid, open_id, session_id) values ?', [
    users.map((user, index) => [at, 'session.created', lanes[index], testAppid, user, 'x']),
  ]);
  return users;
}

const allLanes = Array.from({ length: laneCount }, (_, lane) => lane);
const countOf = (receiver: EventReceiver, user?: string) =>
  receiver.deliveries.filter(({ message: { data } }) => user === undefined || data['openId'] === user).length;
const sequencesOf = (receiver: EventReceiver, user: string) =>
  receiver.deliveries.flatMap(({ message: { data } }) => (data['openId'] === user ? [data.sequence] : []));
const ascending = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other);
const untilAllIsSent = (name: string) =>
  until('nothing is due', async () => (await readDueLanes(sequelize, name)).length === 0);

test.serial('events of all lanes share the statements that read them and write their places', async (t) => {
  const receiver = await addReceiver(t, 'cheap');
  await happen([0]);
  await until('the worker knows the endpoint', () => countOf(receiver) === 1);
  await untilAllIsSent('cheap');
  const statements = await database.countStatements(async () => {
    await happen([...allLanes, ...allLanes]);
    await until('all have come', () => countOf(receiver) === 1 + 2 * laneCount);
    await untilAllIsSent('cheap');
  });
  const ofPlaces = statements.filter(({ kind, table }) => kind === 'update' && table === 'cWaferEndpointLane');
  t.true(ofPlaces.length <= laneCount / 4, `${ofPlaces.length} statements write places`);
  const ofEvents = statements.filter(({ text }) => text.startsWith('select lane, id'));
  t.true(ofEvents.length <= laneCount / 4, `${ofEvents.length} statements read events`);
  for (const user of new Set(receiver.deliveries.map(({ message: { data } }) => String(data['openId']))))
    t.deepEqual(sequencesOf(receiver, user), ascending(sequencesOf(receiver, user)), user);
});

test.serial('an event that its endpoint is slow to take holds up its own lane alone', async (t) => {
  const receiver = await addReceiver(t, 'slow');
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  t.teardown(() => release());
  receiver.hold = () => (countOf(receiver, 'user-0') === 1 && countOf(receiver) === 1 ? held : undefined);
  await happen([0]);
  await until('it is under way', () => countOf(receiver) === 1);
  for (let time = 1; time <= 3; time++) {
    await happen([0, 1, 2]);
    await until('the others go on', () => countOf(receiver, 'user-1') === time && countOf(receiver, 'user-2') === time);
  }
  t.is(countOf(receiver, 'user-0'), 1);
  const statements = await database.countStatements(() => sleep(2000));
  const looks = statements.filter(({ text }) => text.includes("where l.endpoint = 'slow'"));
  t.true(looks.length < 20, `MySQL is asked ${looks.length} times in two seconds in which nothing happens`);
  release();
  await until('its lane goes on', () => countOf(receiver, 'user-0') === 4);
  await untilAllIsSent('slow');
  t.is(receiver.deliveries.length, 10, 'none comes twice');
  t.deepEqual(sequencesOf(receiver, 'user-0'), ascending(sequencesOf(receiver, 'user-0')));
});

test.serial('a lane that waits has longer and longer pauses, and goes on after its event', async (t) => {
  const receiver = await addReceiver(t, 'pauses');
  const triedAt: number[] = [];
  receiver.answer = ({ message: { data } }) => {
    if (data['openId'] === 'user-0') triedAt.push(performance.now());
    return data['openId'] === 'user-0' && triedAt.length <= 3 ? 500 : 204;
  };
  await happen([0]);
  await until('it is refused', () => triedAt.length === 1);
  await happen([0, 0, 1]);
  await until('the other lane goes on', () => countOf(receiver, 'user-1') === 1);
  await until('all have come', () => triedAt.length === 6, 20_000);
  const pauses = triedAt.slice(1, 4).map((at, index) => at - (triedAt[index] as number));
  for (const [index, pauseMs] of pauses.entries())
    t.true(pauseMs >= 1000 * 2 ** index * 0.8, `pause ${index} is ${Math.round(pauseMs)} ms`);
  const sequences = sequencesOf(receiver, 'user-0');
  t.is(new Set(sequences.slice(0, 4)).size, 1);
  t.deepEqual(sequences, ascending(sequences));
});

test.serial('events go on in their order when MySQL is there again', async (t) => {
  const receiver = await addReceiver(t, 'cut');
  t.teardown(() => database.restore());
  receiver.hold = () => {
    receiver.hold = () => undefined;
    database.cut();
    return undefined;
  };
  await happen([3, 3, 4]);
  await until('the job has failed, and waits', async () => (await redis.zcard(delayedJobs)) > 0);
  database.restore();
  await until('all have come', () => countOf(receiver, 'user-3') >= 2 && countOf(receiver, 'user-4') >= 1, 20_000);
  await untilAllIsSent('cut');
  const firsts = [...new Set(sequencesOf(receiver, 'user-3'))];
  t.is(firsts.length, 2);
  t.deepEqual(firsts, ascending(firsts));
});

test.serial('a lane that is far behind gets its next events, and so do those that are not', async (t) => {
  const receiver = await addReceiver(t, 'apart');
  receiver.answer = () => 204;
  await runCli(env, ['events', 'set', 'apart', '--off']);
  const [row] = await database.query<{ last: number }>('select coalesce(max(id), 0) as last from cWaferEvent');
  const start = Number(row?.last);
  // 100 of lane 1, then one each of lanes 2 and 3.
  await database.query('insert into cWaferEvent (id, at, event, lane, appid, open_id) values ?', [
    [...Array.from({ length: 100 }, () => 1), 2, 3].map((lane, index) => [
      start + 1 + index,
      Date.now(),
      'session.created',
      lane,
      testAppid,
      `user-${lane}`,
    ]),
  ]);
  const set = (lane: number, after: number) =>
    database.query("update cWaferEndpointLane set after_id = ? where endpoint = 'apart' and lane = ?", [after, lane]);
  for (const lane of [1, 2, 3]) await set(lane, start);
  await set(3, start + 101);
  const due = (await readDueLanes(sequelize, 'apart')).filter(({ lane }) => [1, 2, 3].includes(lane));
  const events = await readLanes(sequelize, due, 10);
  const idsOf = (lane: number) => events.flatMap((event) => (event.lane === lane ? [event.id - start] : []));
  t.deepEqual(
    idsOf(1),
    Array.from({ length: 10 }, (_, index) => index + 1),
  );
  t.deepEqual([idsOf(2), idsOf(3)], [[101], [102]]);

  // Somebody moves one of them back meanwhile.
  await set(2, 0);
  await movePlaces(sequelize, 'apart', [
    { lane: 1, from: start, to: start + 10 },
    { lane: 2, from: start, to: start + 101 },
    { lane: 3, from: start + 101, to: start + 102 },
  ]);
  const places = await database.query<{ after_id: number }>(
    "select after_id from cWaferEndpointLane where endpoint = 'apart' and lane in (1, 2, 3) order by lane",
  );
  t.deepEqual(
    places.map(({ after_id }) => after_id),
    [start + 10, 0, start + 102],
  );
});
