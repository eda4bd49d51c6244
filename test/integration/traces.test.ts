import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { createUser, createUserData } from '../../apps/wechat-simulator/users.ts';
import { rootDir } from '../support/built.ts';
import { auth, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startSpanReceiver, type ReceivedSpan } from '../support/span-receiver.ts';
import { startStack, testAppid, testSecret } from '../support/stack.ts';
import { drawTrace } from '../support/trace-picture.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';

const onClose = closeAfterAll(test);
const receiver = await startSpanReceiver(onClose);
const wechat = await startTestWechat({ onClose });
/** What WeChat is asked, with the headers. */
const asked: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
const gate = createServer(async (request, response) => {
  asked.push({ path: request.url ?? '', headers: request.headers });
  const answer = await fetch(wechat.url + (request.url ?? ''));
  response.writeHead(answer.status).end(await answer.text());
}).listen(0, '127.0.0.1');
await once(gate, 'listening');
onClose(async () => {
  gate.closeAllConnections();
  gate.close();
});
const stack = await startStack({
  onClose,
  env: {
    WECHAT_API_BASE: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20receiver-token',
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
  },
});
const [url] = stack.urls;
const offTheLane = await stack.addWeb({ FAST_LANE: 'false' });

interface TestSession {
  readonly id: string;
  readonly skey: string;
}

const newTrace = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });
const headerOf = ({ traceId, spanId }: ReturnType<typeof newTrace>, flags = '01') => `00-${traceId}-${spanId}-${flags}`;

async function send(interfaceName: string, para: object, traceparent: string, at = url) {
  const response = await fetch(`${at}/mina_auth/`, {
    method: 'POST',
    headers: { traceparent },
    body: JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } }),
  });
  return (await response.json()) as { readonly returnCode: number; readonly returnData: TestSession };
}

const hasEnded = (name: string) => (spans: readonly ReceivedSpan[]) => spans.some((span) => span.name === name);
const isLoginWhole = (spans: readonly ReceivedSpan[]) =>
  hasEnded('qcloud.cam.id_skey')(spans) && hasEnded('process login')(spans);
/** Each span with the one that it is a part of, and the process that it is of. */
const treeOf = (spans: readonly ReceivedSpan[]) =>
  spans
    .map((span) => {
      const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
      return `${String(span.resource['wafer.role'])}: ${parent?.name ?? ''} > ${span.name}`;
    })
    .toSorted();

test.serial('a log-in is one trace from web over the queue to WeChat and MySQL', async (t) => {
  const client = newTrace();
  const user = `slow60${newUser()}`;
  const { encrypt_data, iv } = createUserData(testAppid, user);
  const first = await send('qcloud.cam.id_skey', { code: `${user}~1`, encrypt_data, iv }, headerOf(client));
  t.is(first.returnCode, 0);
  const spans = await receiver.untilTrace(client.traceId, isLoginWhole);
  t.deepEqual(treeOf(spans), [
    'web:  > qcloud.cam.id_skey',
    'web: qcloud.cam.id_skey > ask login',
    'worker: ask login > process login',
    'worker: process login > GET /sns/jscode2session',
    'worker: process login > INSERT cSessionInfo',
    'worker: process login > SELECT cSessionInfo',
    'worker: process login > XADD reply',
    'worker: process login > claim code',
    'worker: process login > decrypt user data',
    'worker: process login > record answer',
  ]);
  await mkdir(join(rootDir, '.data'), { recursive: true });
  await writeFile(join(rootDir, '.data', 'trace-of-a-log-in.svg'), drawTrace(spans));
  const byName = (name: string) => spans.find((span) => span.name === name) as ReceivedSpan;
  t.is(byName('qcloud.cam.id_skey').parentSpanId, client.spanId);
  t.deepEqual(
    ['qcloud.cam.id_skey', 'ask login', 'process login', 'decrypt user data'].map((name) => byName(name).kind),
    ['SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_CONSUMER', 'SPAN_KIND_INTERNAL'],
  );
  t.deepEqual(byName('qcloud.cam.id_skey').attributes, {
    'http.request.method': 'POST',
    'http.route': '/mina_auth/',
    'wafer.appid': testAppid,
    'wafer.return_code': 0,
  });
  t.deepEqual(byName('GET /sns/jscode2session').attributes, {
    'http.request.method': 'GET',
    'server.address': '127.0.0.1',
    'url.path': '/sns/jscode2session',
  });
  for (const { startNs, endNs, isError } of spans) {
    t.true(endNs >= startNs);
    t.false(isError);
  }
  const call = asked.find(({ path }) => path.includes(encodeURIComponent(`${user}~1`)));
  t.is(call?.headers['traceparent'], `00-${client.traceId}-${byName('GET /sns/jscode2session').spanId}-01`);
  t.is(receiver.requests[0]?.path, '/v1/traces');
  t.is(receiver.requests[0]?.headers.authorization, 'Bearer receiver-token');

  // The same user again, who has a row.
  const again = newTrace();
  await send('qcloud.cam.id_skey', { code: `${user}~2` }, headerOf(again));
  const parts = await receiver.untilTrace(again.traceId, isLoginWhole);
  for (const name of ['mark sessions', 'UPDATE cSessionInfo']) t.true(hasEnded(name)(parts), name);
});

test.serial('a check tells where its session was found, on every way into web', async (t) => {
  const { returnData: session } = await send('qcloud.cam.id_skey', { code: `${newUser()}~1` }, headerOf(newTrace()));
  const check = async (at: string, traceparent: string) =>
    send('qcloud.cam.auth', { id: session.id, skey: session.skey }, traceparent, at);
  for (const at of [url, offTheLane]) {
    const [first, second] = [newTrace(), newTrace()];
    await check(at, headerOf(first));
    await check(at, headerOf(second));
    const found = await receiver.untilTrace(first.traceId, hasEnded('qcloud.cam.auth'));
    t.deepEqual(treeOf(found), ['web:  > qcloud.cam.auth', 'web: qcloud.cam.auth > GET session']);
    t.is(found.find(({ name }) => name === 'qcloud.cam.auth')?.attributes['wafer.lookup'], 'cached');
    const [remembered] = await receiver.untilTrace(second.traceId, hasEnded('qcloud.cam.auth'));
    t.is(remembered?.attributes['wafer.lookup'], 'remembered');
    t.is(remembered?.parentSpanId, second.spanId);

    const gateway = newTrace();
    const headers = { traceparent: headerOf(gateway), 'X-WX-Id': session.id, 'X-WX-Skey': 'wrong-skey-of-a-test' };
    t.is((await fetch(`${at}/forward-auth`, { headers })).status, 401);
    const refused = await receiver.untilTrace(gateway.traceId, hasEnded('forward-auth'));
    t.deepEqual(treeOf(refused), [
      'web:  > forward-auth',
      'web: forward-auth > GET session',
      'web: forward-auth > SELECT cSessionInfo',
    ]);
    const span = refused.find(({ name }) => name === 'forward-auth');
    t.like(span?.attributes, { 'wafer.return_code': 60012, 'wafer.lookup': 'confirmed' });
    // The client's doing: the check has done what it is for.
    t.false(span?.isError);
  }
});

test.serial('what fails is marked where it failed, by its reason alone', async (t) => {
  const [net, bad] = [newTrace(), newTrace()];
  await send('qcloud.cam.id_skey', { code: `net-${newUser()}` }, headerOf(net));
  await send('qcloud.cam.id_skey', { code: `bad-${newUser()}` }, headerOf(bad));
  const failed = await receiver.untilTrace(net.traceId, isLoginWhole);
  t.deepEqual(
    failed
      .filter(({ isError }) => isError)
      .map(({ name }) => name)
      .toSorted(),
    ['GET /sns/jscode2session', 'qcloud.cam.id_skey'],
  );
  t.is(failed.find(({ name }) => name === 'process login')?.attributes['wafer.reason'], 'wechat_http_500');
  const refused = await receiver.untilTrace(bad.traceId, isLoginWhole);
  t.deepEqual(
    refused.filter(({ isError }) => isError),
    [],
  );
  t.is(refused.find(({ name }) => name === 'qcloud.cam.id_skey')?.attributes['wafer.reason'], 'wechat:40029');
});

test.serial('a client that does not trace its request is believed; nonsense begins a trace', async (t) => {
  const [unsampled, whole] = [newTrace(), newTrace()];
  await send('qcloud.cam.auth', { id: 'nobody', skey: 'nothing' }, headerOf(unsampled, '00'));
  const before = receiver.spans.length;
  await send('qcloud.cam.auth', { id: 'nobody', skey: 'nothing' }, `00-${'0'.repeat(32)}-${whole.spanId}-01`);
  await send('qcloud.cam.auth', { id: 'nobody', skey: 'nothing' }, headerOf(whole));
  await receiver.untilTrace(whole.traceId, hasEnded('qcloud.cam.auth'));
  t.false(receiver.spans.some(({ traceId }) => traceId === unsampled.traceId));
  const roots = receiver.spans.slice(before).filter(({ parentSpanId }) => parentSpanId === undefined);
  t.deepEqual(
    roots.map(({ name }) => name),
    ['qcloud.cam.auth'],
  );
});

test.serial('while the receiver refuses spans log-ins and checks go on', async (t) => {
  receiver.status = 503;
  const seen = receiver.requests.length;
  const { returnCode, returnData } = await send('qcloud.cam.id_skey', { code: `${newUser()}~1` }, headerOf(newTrace()));
  t.is(returnCode, 0);
  t.is((await auth(url, returnData)).returnCode, 0);
  await until('spans were refused', () => receiver.requests.length > seen);
  receiver.status = 200;
  const back = newTrace();
  await send('qcloud.cam.auth', { id: returnData.id, skey: returnData.skey }, headerOf(back));
  t.is((await receiver.untilTrace(back.traceId, hasEnded('qcloud.cam.auth'))).length, 1);
});

test.serial('nothing of a user, a session or a secret is in what was sent', async (t) => {
  const user = newUser();
  const code = `${user}~1`;
  const { encrypt_data, iv } = createUserData(testAppid, code);
  const client = newTrace();
  const { returnData: session } = await send('qcloud.cam.id_skey', { code, encrypt_data, iv }, headerOf(client));
  await receiver.untilTrace(client.traceId, isLoginWhole);
  const { openid, sessionKey, unionid } = createUser(testAppid, user);
  const text = receiver.texts.join('\n');
  t.true(text.includes('GET /sns/jscode2session'));
  for (const secret of [
    openid,
    sessionKey,
    unionid,
    session.id,
    session.skey,
    code,
    user,
    iv,
    testSecret,
    'wrong-skey-of-a-test',
  ])
    t.false(text.includes(secret), secret);
});

test('without the variable nothing of OpenTelemetry but its interface is loaded', async (t) => {
  const script = `
    import { createRequire } from 'node:module';
    import { openTracing } from './dist/shared/tracing/open-tracing.js';
    import './dist/apps/web/web.js';
    import './dist/apps/worker/worker.js';
    const { cache } = createRequire(import.meta.url);
    // prom-client has the interface in any case.
    const count = () => Object.keys(cache).filter((file) => /@opentelemetry.(?!api.)/.test(file)).length;
    await openTracing(undefined, 'web', {});
    const off = count();
    const settings = { url: 'http://127.0.0.1:9/v1/traces', headers: {}, serviceName: 'test', ratio: 0, followsClients: false };
    await openTracing(settings, 'web', { closer: { add() {} }, log: {} });
    console.log(JSON.stringify([off, count() > 10]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(rootDir),
  });
  t.deepEqual(JSON.parse(stdout), [0, true]);
});
