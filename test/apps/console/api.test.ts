import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { Queue } from 'bullmq';
import { z } from 'zod';
import { apiRoutes } from '../../../apps/console/api/index.ts';
import { createConsoleDocument } from '../../../apps/console/api/openapi.ts';
import { createPageFiles } from '../../../apps/console/page-files.ts';
import { ApiProblem } from '../../../apps/console/api/problem.ts';
import { defineRoute, defineStream } from '../../../apps/console/api/route.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole } from '../../support/console.ts';
import { speak } from '../../support/raw-http.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const counts = { streamsEnded: 0 };
/** How often each thing was done. */
const done = new Map<string, number>();
const doneTo = (thing: string) => done.get(thing) ?? 0;
const waiting: (() => void)[] = [];
/** Routes of the test's own, beside those of the product. */
const routes = [
  ...apiRoutes,
  defineRoute({
    method: 'POST',
    path: '/test/things/:thing',
    operationId: 'testThing',
    summary: 'Does something',
    role: 'operator',
    status: 201,
    params: z.object({ thing: z.string().max(5) }),
    query: z.object({ times: z.coerce.number().int().optional() }),
    body: z.object({ dryRun: z.boolean().optional(), wait: z.boolean().optional(), fail: z.string().optional() }),
    answer: z.object({ count: z.number(), thing: z.string() }),
    async handle({ params, body }) {
      if (body.fail === 'expected') throw new ApiProblem(409, 'thing_is_broken', 'This thing is broken.');
      if (body.fail === 'bug') throw new Error('a secret of the inside');
      done.set(params.thing, doneTo(params.thing) + 1);
      if (body.wait === true) await new Promise<void>((resolve) => void waiting.push(resolve));
      return { count: doneTo(params.thing), thing: params.thing, secret: 'not named by the schema' };
    },
  }),
  defineStream({
    method: 'GET',
    path: '/test/stream',
    operationId: 'testStream',
    summary: 'Streams',
    role: 'viewer',
    stream: 'text/event-stream',
    query: z.object({ fail: z.string().optional() }),
    answer: z.object({ n: z.number() }),
    async *handle({ query, signal }) {
      try {
        if (query.fail === 'first') throw new ApiProblem(409, 'stream_is_broken', 'No stream.');
        yield { event: 'number', id: 'one', data: { n: 1, secret: 'left out' } };
        if (query.fail === 'later') throw new ApiProblem(409, 'stream_is_broken', 'No more.');
        await setTimeout(60_000, undefined, { signal }).catch(() => undefined);
      } finally {
        counts.streamsEnded++;
      }
    },
  }),
];

const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose, routes });
const { url, api } = site;
const operator = await site.token('operator');
const viewer = await site.token('viewer');
const admin = await site.token('admin');

test.serial('whoever is not signed in gets 401 as a problem, and how to ask', async (t) => {
  const answer = await api('GET', '/me');
  t.is(answer.status, 401);
  t.is(answer.headers.get('www-authenticate'), 'Bearer');
  t.regex(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  t.like(answer.body, { type: 'about:blank', title: 'Unauthorized', status: 401, code: 'not_signed_in' });
  t.is(answer.body.requestId, answer.headers.get('x-request-id'));
  t.is((await api('GET', '/me', { as: 'wafer_unknown' })).body.code, 'token_unknown');
});

test.serial('a program asks with its token, and is told who it is', async (t) => {
  const { status, body, headers } = await api('GET', '/me', { as: viewer });
  t.is(status, 200);
  t.like(body, { role: 'viewer', via: 'token', totp: false });
  t.is(headers.get('cache-control'), 'no-store');
});

test.serial('a role that is too low gets 403 and the role that it needs', async (t) => {
  const answer = await api('POST', '/test/things/cup', { as: viewer, body: {} });
  t.is(answer.status, 403);
  t.is(answer.body.code, 'role_too_low');
  t.regex(answer.body.detail, /role operator/);
});

test.serial('an answer has what its schema names, and nothing else', async (t) => {
  const { status, body } = await api('POST', '/test/things/cup', { as: operator, body: {} });
  t.is(status, 201);
  t.deepEqual(Object.keys(body).toSorted(), ['count', 'thing']);
});

test.serial('every fault of a request is told at once, with its place', async (t) => {
  const answer = await api('POST', '/test/things/teapot?times=x', { as: operator, body: { dryrun: true, wait: 1 } });
  t.is(answer.status, 400);
  t.is(answer.body.code, 'request_invalid');
  t.deepEqual(answer.body.faults.map(({ at }: { at: string }) => at).toSorted(), [
    'body.dryrun',
    'body.wait',
    'params.thing',
    'query.times',
  ]);
  t.is(doneTo('teapot'), 0, 'a misspelled dryRun does nothing');
  const nonsense = await api('GET', `/events?events=${','.repeat(8000)}`, { as: viewer });
  t.is(nonsense.status, 400);
  t.is(nonsense.body.faults.length, 50, 'of a long list the first ones');
});

test.serial('bodies that are no JSON, too long, or of another type are refused', async (t) => {
  const path = '/test/things/cup';
  t.is((await api('POST', path, { as: operator, body: '{"a":' })).body.code, 'body_malformed');
  t.is((await api('POST', path, { as: operator, body: '"text"' })).status, 400);
  const long = JSON.stringify({ fail: 'x'.repeat(70_000) });
  t.is((await api('POST', path, { as: operator, body: long })).status, 413);
  const form = await api('POST', path, {
    as: operator,
    body: 'dryRun=true',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  t.is(form.status, 415);
  t.is((await api('POST', path, { as: operator, body: '{"__proto__":{"a":1}}' })).status, 400);
});

test.serial('expected failures are problems with a code, bugs tell nothing but an id', async (t) => {
  const expected = await api('POST', '/test/things/cup', { as: operator, body: { fail: 'expected' } });
  t.is(expected.status, 409);
  t.like(expected.body, { code: 'thing_is_broken', detail: 'This thing is broken.' });
  const bug = await api('POST', '/test/things/cup', { as: operator, body: { fail: 'bug' } });
  t.is(bug.status, 500);
  t.is(bug.body.code, 'internal');
  t.false(bug.text.includes('secret of the inside'));
});

test.serial('what is not there is 404, another method 405', async (t) => {
  t.like(await api('GET', '/nothing', { as: admin }), { status: 404 });
  t.is((await api('GET', '/nothing', { as: admin })).body.code, 'not_found');
  t.like(await api('DELETE', '/me', { as: admin }), { status: 405 });
});

test.serial('a request with the same idempotency key is done once, and answered for a day', async (t) => {
  const send = (thing: string, key: string, as = operator, body: unknown = {}) =>
    api('POST', `/test/things/${thing}`, { as, body, headers: { 'Idempotency-Key': key } });
  const first = await send('pot', 'k1');
  const again = await send('pot', 'k1');
  t.is(first.status, 201);
  t.is(again.status, 201);
  t.is(again.text, first.text);
  t.is(first.headers.get('idempotency-replayed'), null);
  t.is(again.headers.get('idempotency-replayed'), 'true');
  t.is(doneTo('pot'), 1);
  const other = await send('lid', 'k1');
  t.is(other.status, 422);
  t.is(other.body.code, 'idempotency_key_reused');
  t.is((await send('pot', 'k1', operator, { dryRun: false })).status, 422);
  t.is((await send('pot', 'k1', admin)).status, 201, 'a key is each operator’s own');
  t.is(doneTo('pot'), 2);
  t.is((await send('pot', 'k'.repeat(129))).body.code, 'idempotency_key_invalid');
});

test.serial('an idempotency key in use is 409; after a failure it may be sent again', async (t) => {
  const headers = { 'Idempotency-Key': 'k2' };
  const first = api('POST', '/test/things/slow', { as: operator, body: { wait: true }, headers });
  await until('the first is under way', () => waiting.length === 1);
  const second = await api('POST', '/test/things/slow', { as: operator, body: { wait: true }, headers });
  t.is(second.status, 409);
  t.is(second.body.code, 'idempotency_under_way');
  t.truthy(second.headers.get('retry-after'));
  waiting.pop()?.();
  t.is((await first).status, 201);
  t.is(doneTo('slow'), 1);
  const failing = { as: operator, headers: { 'Idempotency-Key': 'k3' } };
  t.is((await api('POST', '/test/things/cup', { ...failing, body: { fail: 'expected' } })).status, 409);
  t.is((await api('POST', '/test/things/cup', { ...failing, body: {} })).status, 201);
});

test.serial('a sign-in that is ended while a request of it is under way stays ended', async (t) => {
  const person = await site.person('operator');
  const [here, elsewhere] = [await site.signIn(person), await site.signIn(person)];
  const { now } = Date;
  // So that the request is a visit, which is written at its end.
  Date.now = () => now() + 120_000;
  t.teardown(() => void (Date.now = now));
  const slow = api('POST', '/test/things/late', { as: here, body: { wait: true } });
  await until('it is under way', () => waiting.length === 1);
  const { body } = await api('GET', '/me/sign-ins', { as: elsewhere });
  const { id } = body.items.find(({ isThis }: { isThis: boolean }) => !isThis);
  t.is((await api('DELETE', `/me/sign-ins/${id}`, { as: elsewhere })).status, 204);
  waiting.pop()?.();
  t.is((await slow).status, 201);
  t.is((await api('GET', '/me', { as: here })).status, 401);
});

test.serial('a stream fails as every request does, or sends events, and ends with its client', async (t) => {
  const failed = await api('GET', '/test/stream?fail=first', { as: viewer });
  t.is(failed.status, 409);
  t.is(failed.body.code, 'stream_is_broken');
  const later = await api('GET', '/test/stream?fail=later', { as: viewer });
  t.is(later.status, 200);
  t.regex(later.headers.get('content-type') ?? '', /^text\/event-stream/);
  t.regex(
    later.text,
    /^: open\n\nevent: number\nid: one\ndata: \{"n":1\}\n\nevent: problem\ndata: \{"code":"stream_is_broken"/,
  );
  const ended = counts.streamsEnded;
  const leaving = new AbortController();
  const open = await fetch(`${url}/api/v1/test/stream`, {
    headers: { Authorization: `Bearer ${viewer}` },
    signal: leaving.signal,
  });
  const reader = (open.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!text.includes('"n":1')) text += new TextDecoder().decode((await reader.read()).value);
  leaving.abort();
  await until('the stream ends', () => counts.streamsEnded === ended + 1);
  t.pass();
});

test.serial('the document names every route once, and is what anybody may read', async (t) => {
  const { status, body } = await api('GET', '/openapi.json');
  t.is(status, 200);
  const operations = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (path) => Object.values(path).map(({ operationId }) => operationId),
  );
  t.deepEqual(operations.toSorted(), apiRoutes.map(({ operationId }) => operationId).toSorted());
  t.is(new Set(operations).size, operations.length);
  t.deepEqual(body, JSON.parse(JSON.stringify(createConsoleDocument(apiRoutes))));
});

test.serial('the board of the queues is for viewers, changes nothing, and shows no data', async (t) => {
  const board = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${url}/queues/board${path}`, { headers, method });
  const asViewer = { Authorization: `Bearer ${viewer}` };
  t.is((await board('')).status, 401);
  const page = await board('', asViewer);
  t.is(page.status, 200);
  t.regex(page.headers.get('content-security-policy') ?? '', /script-src 'self';.*base-uri 'self'/);
  const [, script = ''] = /src="(static\/js\/[^"]+)"/.exec(await page.text()) ?? [];
  t.is((await board(`/${script}`, asViewer)).status, 200);
  t.is((await board(`/${script}`)).status, 401);
  const queue = new Queue('login', { connection: { url: site.redis.url }, prefix: '{wafer:login:0}' });
  t.teardown(() => queue.close());
  await queue.add('login', { sealed: 'what a job carries' });
  const listed = await board('/api/queues?activeQueue=0%20login&status=latest&page=1&jobsPerPage=10', asViewer);
  const text = await listed.text();
  t.is(listed.status, 200, text);
  t.regex(text, /"0 login"/);
  t.regex(text, /Sealed: what a job carries is for/);
  t.notRegex(text, /"sealed":/);
  for (const [method, path] of [
    ['PUT', '/api/queues/0%20login/clean/waiting'],
    ['PUT', '/api/queues/0%20login/1/retry/failed'],
    ['POST', '/api/queues/0%20login/add'],
  ] as const)
    t.is((await board(path, { Authorization: `Bearer ${admin}` }, method)).status, 405, path);
});

test.serial('health is told to balancers under any name, readiness as both stores are', async (t) => {
  const ask = (path: string) =>
    speak(url, `GET ${path} HTTP/1.1\r\nHost: balancer.invalid\r\nConnection: close\r\n\r\n`).then(
      ([answer]) => answer,
    );
  t.is((await ask('/healthz'))?.status, 200);
  t.is((await ask('/readyz'))?.status, 200);
  t.is((await fetch(`${url}/healthz`, { method: 'POST' })).status, 405);
});

test.serial('a Host that is not the console’s own is refused', async (t) => {
  const ask = (host: string, more = '') =>
    speak(url, `GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`).then(
      ([answer]) => answer,
    );
  const { host, port } = new URL(url);
  t.is((await ask('evil.invalid'))?.status, 421);
  t.is((await ask(`evil.invalid:${port}`))?.status, 421);
  t.is((await ask(`127.0.0.1:${Number(port) + 1}`))?.status, 421);
  t.is((await ask(host))?.status, 401);
  t.is((await ask(`localhost:${port}`))?.status, 401);
  t.is((await ask('inside.invalid', `Authorization: Bearer ${viewer}\r\n`))?.status, 200, 'a token is no page’s');
});

test.serial('every answer has headers that bind the page to its own files', async (t) => {
  for (const path of ['/api/v1/me', '/healthz', '/nothing.js']) {
    const { headers } = await fetch(`${url}${path}`);
    const policy = headers.get('content-security-policy') ?? '';
    t.regex(policy, /default-src 'none'/, path);
    t.regex(policy, /frame-ancestors 'none'/, path);
    t.notRegex(policy, /unsafe/, path);
    t.is(headers.get('x-content-type-options'), 'nosniff');
    t.is(headers.get('x-powered-by'), null);
    t.is(headers.get('strict-transport-security'), null, 'not over plain HTTP');
  }
});

test.serial('a change by cookie wants the page’s header and its origin', async (t) => {
  const person = await site.signIn('admin');
  const { Cookie } = person.headers as { Cookie: string };
  const body = { name: 'made-by-a-stranger', role: 'admin', confirm: { password: person.password } };
  const send = (headers: Record<string, string>) =>
    api('POST', '/operators', { body, headers: { Cookie, ...headers } });
  t.is((await send({})).body.code, 'not_from_page');
  t.is((await send({ Origin: url })).status, 403);
  t.is((await send({ 'X-Wafer-Console': '1' })).status, 403);
  t.is((await send({ 'X-Wafer-Console': '1', Origin: 'https://evil.invalid' })).status, 403);
  t.is((await send({ 'X-Wafer-Console': '1', Origin: 'null' })).status, 403);
  t.is((await send(pageHeaders(url))).status, 201);
  t.is((await api('POST', '/sign-in', { body: { name: 'a', password: 'b' } })).body.code, 'not_from_page');
});

test.serial('the page’s files are kept for ever, its start is asked for anew', async (t) => {
  const folder = await createTemporaryFolder('page');
  t.teardown(() => folder.remove());
  mkdirSync(join(folder.path, 'assets'));
  writeFileSync(join(folder.path, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(folder.path, 'assets', 'index-abc.js'), 'let page');
  writeFileSync(join(folder.path, 'assets', 'index-abc.js.br'), 'packed');
  const { default: Koa } = await import('koa');
  const app = new Koa();
  app.use(createPageFiles(folder.path));
  const server = app.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await until('it listens', () => server.listening);
  const address = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${address}${path}`, {
      headers: { Accept: 'text/html', 'Accept-Encoding': 'identity', ...headers },
    });
    return { status: response.status, cache: response.headers.get('cache-control'), text: await response.text() };
  };
  const start = { status: 200, cache: 'no-cache', text: '<!doctype html><title>page</title>' };
  t.deepEqual(await get('/'), start);
  t.deepEqual(await get('/sessions/42'), start);
  t.deepEqual(await get('/set-password'), start);
  t.like(await get('/assets/index-abc.js'), { cache: 'public, max-age=31536000, immutable', text: 'let page' });
  t.is((await get('/assets/index-old.js')).status, 404);
  t.is((await get('/api/v1/nothing')).status, 404);
  t.is((await get('/nothing', { Accept: 'application/json' })).status, 404);
  for (const path of ['/..%2f..%2fpackage.json', '/%2e%2e/package.json', '/%00', '/%'])
    t.notRegex((await get(path)).text, /wafer-session/, path);
});
