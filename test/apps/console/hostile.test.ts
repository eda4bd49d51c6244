import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import Koa from 'koa';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import { ApiProblem } from '../../../apps/console/api/problem.ts';
import { createProblemExit } from '../../../apps/console/problem-exit.ts';
import type { Log } from '../../../shared/log/log.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole, type Answer, type Asker } from '../../support/console.ts';
import { speak } from '../../support/raw-http.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose });
const { url, api, database } = site;
const { hostname, port } = new URL(url);
const viewer = await site.token('viewer');
const person = await site.signIn('viewer');

function open(): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    onClose(() => socket.destroy());
    socket.on('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
    // Whoever gets no place is cut off before an answer.
    socket.once('connect', () => socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.once('data', () => resolve(socket));
  });
}

/** All that is read, at once. */
function askEverything(at: string, as: Asker): Promise<{ readonly path: string; readonly answer: Answer }[]> {
  const paths = apiRoutes.filter(({ method, role }) => method === 'GET' && role !== 'anyone').map(({ path }) => path);
  return Promise.all(
    paths.map(async (path) => ({ path, answer: await api('GET', path.replaceAll(/:\w+/g, '1'), { as, url: at }) })),
  );
}

test.serial('one address holds 64 connections and no more, and gets new ones when they end', async (t) => {
  // Those that fetch keeps open.
  const held: Socket[] = [];
  for (let count = 0; count < 70; count++) {
    const socket = await open();
    if (socket !== undefined) held.push(socket);
  }
  t.true(held.length <= 64);
  t.true(held.length > 50);
  for (const socket of held) socket.destroy();
  await until('there is room again', async () => (await open()) !== undefined);
});

test.serial('of 120 sign-ins from one address 50 are tried, and others are answered meanwhile', async (t) => {
  const statuses: number[] = [];
  let answered = 0;
  // At once as many as an address has room for, and for who else asks.
  for (let round = 0; round < 4; round++) {
    const flood = Array.from({ length: 30 }, async (_, index) => {
      const body = { name: `nobody${round}-${index}`, password: 'wrong' };
      const ask = () => api('POST', '/sign-in', { body, headers: pageHeaders(url) });
      // A connection that is closed as it is taken says nothing of the sign-in: fetch keeps connections that the server may have left.
      statuses.push((await ask().catch(ask)).status);
    });
    if ((await api('GET', '/me', { as: viewer })).status === 200) answered++;
    await Promise.all(flood);
  }
  const count = (wanted: number) => statuses.filter((status) => status === wanted).length;
  t.is(count(401), 50, 'as many as an address has tries');
  t.is(count(429) + count(503), 70);
  t.is(answered, 4);
});

test.serial('after sixty unknown tokens of an address MySQL is asked about no more', async (t) => {
  const other = await startTestConsole({ onClose, stack: { database, redis: site.redis, env: {} } });
  const ask = (index: number) => other.api('GET', '/me', { as: `wafer_${String(index).padStart(43, '0')}` });
  const askAsViewer = async () => (await other.api('GET', '/me', { as: viewer })).status;
  t.is(await askAsViewer(), 200);
  for (let index = 0; index < 60; index++) t.is((await ask(index)).status, 401);
  const statements = await database.countStatements(async () => {
    const { status, headers } = await ask(61);
    t.is(status, 429);
    t.true(Number(headers.get('retry-after')) > 0);
  });
  t.deepEqual(statements, []);
  t.is(await askAsViewer(), 200, 'who was good before is not kept out');
});

test.serial('readiness asks the stores once a second, however often it is asked for', async (t) => {
  const startedAt = performance.now();
  const statements = await database.countStatements(() =>
    Promise.all(Array.from({ length: 40 }, () => fetch(`${url}/readyz`).then((answer) => answer.text()))),
  );
  const seconds = Math.ceil((performance.now() - startedAt) / 1000);
  t.true(statements.length <= 2 * (seconds + 1), `${statements.length} in ${seconds} s`);
});

test('a crowd of other refusals leaves a line a second to tries of a password', async (t) => {
  const lines: { readonly reason?: string; readonly alsoRefused?: number }[] = [];
  const log = { warn: (line: object) => void lines.push(line) } as unknown as Log;
  const app = new Koa();
  app.use(createProblemExit(log));
  app.use(({ path }) => {
    throw new ApiProblem(401, path.slice(1), 'No.');
  });
  const server = app.listen(0, hostname);
  onClose(async () => void server.close());
  await once(server, 'listening');
  const at = `http://${hostname}:${(server.address() as AddressInfo).port}`;
  const kinds = ['not_signed_in', 'token_unknown', 'credentials_wrong', 'totp_wrong'];
  for (const kind of kinds.flatMap((each) => [each, each])) await (await fetch(`${at}/${kind}`)).text();
  t.deepEqual([...new Set(lines.map(({ reason }) => reason))], kinds);
});

test.serial('a body that is announced and not sent holds nobody up, and its connection ends', async (t) => {
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  onClose(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.write(
    `POST /api/v1/operators HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${viewer}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`,
  );
  await until('it is refused before its body is there', () => text.startsWith('HTTP/1.1 403'));
  t.is((await api('GET', '/me', { as: viewer })).status, 200);
  socket.destroy();
});

test.serial('headers of 16 kB, broken requests and other methods get an answer that is an end', async (t) => {
  const long = await speak(url, `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(17_000)}\r\n\r\n`);
  t.is(long[0]?.status, 431);
  const broken = await speak(url, 'NONSENSE\r\n\r\n');
  t.is(broken[0]?.status, 400);
  const twice = await speak(
    url,
    'POST /api/v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  t.is(twice[0]?.status, 400);
});

test.serial('cookies that are no sign-in are nobody, whatever is in them', async (t) => {
  const values = [
    '',
    'x',
    '../../etc/passwd',
    'A'.repeat(43),
    `${'A'.repeat(42)}*`,
    '%00',
    '__proto__',
    'a'.repeat(4000),
  ];
  for (const value of values) {
    const { status, body } = await api('GET', '/me', { headers: { Cookie: `wafer-console=${value}` } });
    t.is(status, 401, value.slice(0, 20));
    t.is(body.code, 'not_signed_in');
  }
});

test.serial('while MySQL is away nobody is known, and it is said so; then all is as before', async (t) => {
  database.cut();
  for (const as of [viewer, person])
    for (const { path, answer } of await askEverything(url, as)) {
      t.is(answer.status, 503, path);
      t.is(answer.body.code, 'store_unavailable', path);
    }
  t.is((await fetch(`${url}/healthz`)).status, 200);
  database.restore();
  await until('MySQL is back', async () => (await api('GET', '/me', { as: person })).status === 200);
  t.is((await api('GET', '/me', { as: viewer })).status, 200);
});

test.serial('while MySQL is silent every route says so, round after round', async (t) => {
  const proxy = await startTcpProxy({ port: Number(new URL(database.url).port), onClose });
  const proxied = new URL(database.url);
  proxied.port = String(proxy.port);
  const stack = { database, redis: site.redis, env: { DATABASE_URL: proxied.href } };
  const other = await startTestConsole({ onClose, stack });
  t.is((await other.api('GET', '/me', { as: viewer })).status, 200);
  await proxy.blackHole();
  // The first wait in vain for their statements, the next ones for a connection, and then none waits.
  for (let round = 0; round < 3; round++)
    for (const { path, answer } of await askEverything(other.url, viewer)) {
      t.is(answer.status, 503, `${round}: ${path} ${answer.text}`);
      t.is(answer.body.code, 'store_unavailable', path);
    }
  await proxy.pass();
  await until('MySQL is back', async () => (await other.api('GET', '/me', { as: viewer })).status === 200);
});

test.serial('an orderly end answers what is under way and ends streams', async (t) => {
  const other = await startTestConsole({ onClose, stack: { database, redis: site.redis, env: {} } });
  const socket = connect(Number(new URL(other.url).port), hostname).on('error', () => undefined);
  onClose(() => socket.destroy());
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  await other.close();
  await closed;
  await t.throwsAsync(fetch(`${other.url}/healthz`));
});
