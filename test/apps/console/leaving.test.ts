import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import type { ApiRoute } from '../../../apps/console/api/route.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestConsole } from '../../support/console.ts';
import { until } from '../../support/until.ts';

const signals: AbortSignal[] = [];
let running = 0;
/** Streams whose beginnings and ends are counted. */
const routes = apiRoutes.map((route): ApiRoute => {
  if (route.stream === undefined) return route;
  return {
    ...route,
    handle(call) {
      signals.push(call.signal);
      return count(route.handle(call) as AsyncIterable<unknown>);
    },
  };
});
async function* count(items: AsyncIterable<unknown>) {
  running++;
  try {
    yield* items;
  } finally {
    running--;
  }
}

const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose, routes });
const { database } = site;
const { hostname, port } = new URL(site.url);
const admin = await site.token('admin');
const streams = apiRoutes.filter(({ stream }) => stream !== undefined).map(({ path }) => `/api/v1${path}`);

const requestOf = (path: string, token: string) =>
  `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;

let clients = 0;
/** Each from an address of its own: an address has so many connections a second. */
async function dial(): Promise<Socket> {
  clients++;
  const localAddress = `127.0.${1 + (clients >> 7)}.${1 + (clients & 127)}`;
  const socket = connect({ port: Number(port), host: hostname, localAddress });
  socket.on('error', () => undefined).resume();
  onClose(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const leaves: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'cut off': (socket) => socket.destroy(),
  reset: (socket) => socket.resetAndDestroy(),
  'half closed': (socket) => socket.end(),
};

/** Asks, and leaves so many milliseconds later. */
async function leaveAfter(path: string, ms: number, leave: (socket: Socket) => unknown, times = 1): Promise<void> {
  const socket = await dial();
  socket.write(requestOf(path, admin).repeat(times));
  await sleep(ms);
  leave(socket);
}

/** Asks, and leaves while that statement of the request is under way. */
async function leaveAt(path: string, statement: number): Promise<void> {
  const socket = await dial();
  let statements = 0;
  const stop = database.watchStatements(() => {
    if (++statements === statement) socket.destroy();
  });
  const closed = once(socket, 'close');
  socket.write(requestOf(path, admin));
  await Promise.race([closed, sleep(300)]);
  socket.destroy();
  stop();
}

const allHaveEnded = () => until('all have ended', () => running === 0 && signals.every(({ aborted }) => aborted));

test.serial('who leaves a stream at any moment leaves nothing that goes on', async (t) => {
  for (const path of streams.filter((each) => each !== '/api/v1/doctor')) {
    for (const leave of Object.values(leaves))
      await Promise.all([0, 0, 1, 2, 3, 5, 8, 13, 21, 34].map((ms) => leaveAfter(path, ms, leave)));
    for (let statement = 1; statement <= 3; statement++) await leaveAt(path, statement);
    // One connection, many requests: all but the first wait behind it.
    await Promise.all([0, 5, 40].map((ms) => leaveAfter(path, ms, (socket) => socket.destroy(), 6)));
  }
  await allHaveEnded();
  // A busy machine may still be at the last of them.
  await until(
    'nothing is asked of the database any more',
    async () => (await database.countStatements(() => sleep(700))).length === 0,
  );
  await Promise.all(Object.values(leaves).map((leave, index) => leaveAfter('/api/v1/doctor', 10 * index, leave)));
  await allHaveEnded();
  t.true(signals.length > 50, String(signals.length));
  const open = (await (await fetch(`${site.url}/metrics`)).text()).match(/^wafer_console_streams_open\{.*$/gm) ?? [];
  t.is(open.length, streams.length);
  for (const line of open) t.regex(line, / 0$/);
});

test.serial('one operator has eight readers of the events, and leaves places for others', async (t) => {
  const ask = async (token: string) => {
    const socket = await dial();
    const answered = once(socket, 'data');
    socket.write(requestOf('/api/v1/events', token));
    const [data] = await answered;
    return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1]) };
  };
  const sockets: Socket[] = [];
  const open = async (token: string, times: number) => {
    const answers = await Promise.all(Array.from({ length: times }, () => ask(token)));
    sockets.push(...answers.map(({ socket }) => socket));
    return answers.map(({ status }) => status).toSorted((one, other) => one - other);
  };
  const of = (status: number, times: number) => Array.from({ length: times }, () => status);
  t.deepEqual(await open(admin, 10), [...of(200, 8), ...of(429, 2)]);
  for (const role of ['viewer', 'operator', 'viewer'] as const)
    t.deepEqual(await open(await site.token(role), 8), of(200, 8));
  const late = await site.token('viewer');
  t.deepEqual(await open(late, 1), [503]);
  for (const socket of sockets) socket.destroy();
  await allHaveEnded();
  t.deepEqual(await open(late, 8), of(200, 8));
});

test.serial('one operator has 32 streams, and leaves connections for others', async (t) => {
  const ask = async (token: string) => {
    const socket = await dial();
    const answered = once(socket, 'data');
    socket.write(requestOf('/api/v1/now/stream', token));
    const [data] = (await answered) as [Buffer];
    return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]) };
  };
  const viewer = await site.token('viewer');
  const before = running;
  const opened = await Promise.all(Array.from({ length: 40 }, () => ask(viewer)));
  const statuses = opened.map(({ status }) => status);
  t.is(statuses.filter((status) => status === 200).length, 32);
  t.is(statuses.filter((status) => status === 429).length, 8);
  const other = await ask(await site.token('viewer'));
  t.is(other.status, 200, 'another operator');
  for (const { socket } of [...opened, other]) socket.destroy();
  await until('they have ended', () => running === before);
  const again = await Promise.all(Array.from({ length: 4 }, () => ask(viewer)));
  t.false(
    again.some(({ status }) => status === 429),
    'places are given back',
  );
  for (const { socket } of again) socket.destroy();
});
