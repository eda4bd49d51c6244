import { request } from 'node:http';
import { gzipSync, deflateSync, brotliCompressSync } from 'node:zlib';
import test from 'ava';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { lastRequest, rawCall, speak } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const sites = await openBothWays(stack);
const { id, skey } = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
const session = { id, skey };
const authBody = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.auth', para: session } });
const head = (line: string, ...headers: string[]) => [line, 'Host: test', ...headers, '', ''].join('\r\n');

for (const { how, env, url } of sites) {
  const ofCall = (headers: readonly string[]) => speak(url, rawCall('qcloud.cam.auth', session, headers) + lastRequest);

  test.serial(`a compressed body is 1009, since it is not inflated, ${how}`, async (t) => {
    const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024, '{'));
    t.true(bomb.length < 65_536);
    const bodies: [string, Buffer][] = [
      ['gzip', gzipSync(authBody)],
      ['deflate', deflateSync(authBody)],
      ['br', brotliCompressSync(authBody)],
      ['gzip', bomb],
    ];
    const before = process.memoryUsage().rss;
    for (const [encoding, body] of bodies) {
      const response = await fetch(`${url}/mina_auth/`, {
        method: 'POST',
        headers: { 'Content-Encoding': encoding },
        body: new Uint8Array(body),
      });
      t.is(response.status, 200);
      t.regex(await response.text(), /"returnCode":1009,/, encoding);
    }
    t.true(process.memoryUsage().rss - before < 32 * 1024 * 1024);
  });

  test.serial(`an X-Request-Id that could break out of a header or a log line is replaced, ${how}`, async (t) => {
    const hostile = ['a b', 'a\tb', '"x"', '{"level":60}', 'ä', 'x'.repeat(65), 'a,b', '../a', 'a%0d%0aX-Evil: 1'];
    for (const id of hostile) {
      for (const bytes of [
        rawCall('qcloud.cam.auth', session, [`X-Request-Id: ${id}`]),
        head('GET /livez HTTP/1.1', `X-Request-Id: ${id}`),
      ]) {
        const [answer] = await speak(url, bytes + lastRequest);
        t.regex(answer?.headers['x-request-id'] ?? '', /^[0-9a-f]{12}-[0-9a-z]+$/, id);
        t.is(answer?.headers['x-evil'], undefined);
      }
    }
    const [kept] = await ofCall(['X-Request-Id: a-B.c_1:2']);
    t.is(kept?.headers['x-request-id'], 'a-B.c_1:2');
  });

  test.serial(`nothing else that a client sends comes back in a header, ${how}`, async (t) => {
    const mark = 'wafer-echo-test';
    const headers = [
      'X-WX-Id',
      'X-WX-Skey',
      'X-Wafer-Appid',
      'X-Wafer-Reason',
      'Origin',
      'Cookie',
      'X-Forwarded-Host',
      'Via',
      'Traceparent',
    ];
    const sent = headers.map((name) => `${name}: ${mark}`);
    const requests = [
      rawCall('qcloud.cam.auth', { id: mark, skey: mark, appid: mark }, sent),
      head(`GET /forward-auth?${mark} HTTP/1.1`, ...sent),
      head(`GET /${mark} HTTP/1.1`, ...sent),
      head(`GET /k/${mark}/mina_auth/ HTTP/1.1`, ...sent),
      head(`OPTIONS /metrics HTTP/1.1`, ...sent),
      head(`PUT /livez HTTP/1.1`, ...sent, 'Content-Length: 0'),
    ];
    for (const bytes of requests) {
      for (const { headers, body } of await speak(url, bytes + lastRequest))
        t.false(`${JSON.stringify(headers)}${body}`.includes(mark), bytes);
    }
  });

  test.serial(`headers over 16 kB are 431, more than a thousand small ones do no harm, ${how}`, async (t) => {
    const large = await ofCall([`X-A: ${'a'.repeat(17_000)}`]);
    t.deepEqual(
      large.map(({ status, body }) => [status, body]),
      [[431, '{"error":"headers_too_large"}']],
    );
    const many = await ofCall(Array.from({ length: 5000 }, (_, index) => `h${index}: x`));
    t.deepEqual(
      many.map(({ status }) => status),
      [431],
    );
    const few = await ofCall(Array.from({ length: 1500 }, (_, index) => `h${index}:`));
    t.deepEqual(
      few.map(({ status }) => status),
      [200, 200],
    );
    t.regex(few[0]?.body ?? '', /"returnCode":0,/);
  });

  test.serial(`a very long URL is 431; a long query of the protocol is ignored, ${how}`, async (t) => {
    const long = await speak(
      url,
      head(`POST /mina_auth/?${'a'.repeat(20_000)} HTTP/1.1`, 'Content-Length: 0') + lastRequest,
    );
    t.deepEqual(
      long.map(({ status }) => status),
      [431],
    );
    const bytes = rawCall('qcloud.cam.auth', session).replace('/mina_auth/', `/mina_auth/?${'a'.repeat(10_000)}`);
    t.regex((await speak(url, bytes + lastRequest))[0]?.body ?? '', /"returnCode":0,/);
  });

  test.serial(`other spellings of the path are 404 with JSON, without a redirect, ${how}`, async (t) => {
    const spellings = [
      '//metrics',
      '//livez',
      '//openapi.json',
      '///',
      '//x//mina_auth/',
      '/./mina_auth/',
      '/x/../mina_auth/',
      '/mina_auth/../metrics',
      '/mina_auth/..',
      '/mina_auth//',
      '/mina_auth/.',
      '/MINA_AUTH/',
      '/%6dina_auth/',
      '/mina_auth%2f',
      '/mina_auth%00',
      '/mina_auth;a',
      '/mina_auth/index.php/',
      '/mina_auth/index.php/x',
      '/mina_auth\\',
      '/\\mina_auth/',
      '/mina_auth/%2e%2e/livez',
      '/..%2fmina_auth/',
      '/mina_auth/index.php%00',
      '/mina_auth#/',
      '/K/x/mina_auth/',
      '/k',
      '/%6b/x/mina_auth/',
      '/./k/x/mina_auth/',
      '/index.php',
      '/.env',
      '/etc/passwd',
      '/',
    ];
    for (const path of spellings) {
      const [answer] = await speak(url, head(`POST ${path} HTTP/1.1`, 'Content-Length: 0') + lastRequest);
      t.is(answer?.status, 404, path);
      t.is(answer?.body, '{"error":"not_found"}', path);
      t.is(answer?.headers['location'], undefined);
    }
    for (const prefix of [
      '/k/',
      '/k//mina_auth/',
      '/k/../mina_auth/',
      '/k/./mina_auth/',
      '/k/%2e%2e/mina_auth/',
      '/k/x/../../mina_auth/',
      '/k/?/mina_auth/',
    ]) {
      const [answer] = await speak(url, head(`POST ${prefix} HTTP/1.1`, 'Content-Length: 0') + lastRequest);
      t.is(answer?.status, 401, prefix);
    }
  });

  test.serial(`pipelined requests are answered each with its own answer, in their order, ${how}`, async (t) => {
    const calls = Array.from({ length: 200 }, (_, index) =>
      rawCall('qcloud.cam.auth', index % 2 === 0 ? session : { id: `nobody${index}`, skey: 'x' }, [
        `X-Request-Id: r${index}`,
      ]),
    );
    const answers = await speak(url, calls.join('') + lastRequest);
    t.is(answers.length, calls.length + 1);
    for (const [index, { headers, body }] of answers.slice(0, -1).entries()) {
      t.is(headers['x-request-id'], `r${index}`);
      t.true(body.startsWith(`{"returnCode":${index % 2 === 0 ? 0 : 60012},`), body);
    }
  });

  test.serial(`any method but CONNECT reaches the protocol, and TRACE echoes nothing, ${how}`, async (t) => {
    const bytes = rawCall('qcloud.cam.auth', session, ['X-Secret: do-not-echo']);
    for (const method of ['PUT', 'DELETE', 'TRACE', 'OPTIONS', 'PATCH', 'PROPFIND']) {
      const [answer] = await speak(url, bytes.replace('POST', method) + lastRequest);
      t.is(answer?.status, 200, method);
      t.regex(answer?.body ?? '', /"returnCode":0,/, method);
      t.false(JSON.stringify(answer).includes('do-not-echo'));
    }
    const status = await new Promise<number>((resolve, reject) => {
      const sent = request(`${url}/mina_auth/`, { method: 'HEAD' }, (response) => {
        response.on('data', () => reject(new Error('a body')));
        response.once('end', () => resolve(response.statusCode ?? 0));
      });
      sent.once('error', reject);
      sent.end();
    });
    t.is(status, 200);
    t.deepEqual(await speak(url, head('CONNECT 127.0.0.1:22 HTTP/1.1') + lastRequest), []);
    const unknown = await speak(url, head('HACK /mina_auth/ HTTP/1.1') + lastRequest);
    t.deepEqual(
      unknown.map(({ status, body }) => [status, body]),
      [[400, '{"error":"bad_request"}']],
    );
  });

  test.serial(`Expect: 100-continue is answered, or refused, before the body is sent, ${how}`, async (t) => {
    const locked = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '10.0.0.0/8' });
    const ask = (base: string, headers: Record<string, string | number>, body: string) =>
      new Promise<{ continued: boolean; status: number; text: string }>((resolve, reject) => {
        let continued = false;
        const sent = request(`${base}/mina_auth/`, { method: 'POST', headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('end', () => {
            sent.destroy();
            resolve({ continued, status: response.statusCode ?? 0, text });
          });
        });
        sent.once('continue', () => {
          continued = true;
          sent.end(body);
        });
        sent.once('error', reject);
        sent.flushHeaders();
      });
    const length = { 'Content-Length': authBody.length };
    const good = await ask(url, { Expect: '100-continue', ...length }, authBody);
    t.like(good, { continued: true, status: 200 });
    t.regex(good.text, /"returnCode":0,/);
    const denied = await ask(locked, { Expect: '100-continue', ...length }, authBody);
    t.deepEqual(denied, { continued: false, status: 403, text: '{"error":"client_not_allowed"}' });
    const long = await ask(url, { Expect: '100-continue', 'Content-Length': 1e9 }, authBody);
    t.deepEqual(long, { continued: false, status: 413, text: '{"error":"body_too_large"}' });
    const odd = await ask(url, { Expect: 'a miracle', ...length }, authBody);
    t.deepEqual(odd, { continued: false, status: 417, text: '{"error":"expectation_failed"}' });
  });

  test.serial(`a body that grows beyond the limit is 413 before its end, ${how}`, async (t) => {
    for (const headers of [{}, { 'Content-Length': '1000000000' }]) {
      const { status, text, connection } = await new Promise<{ status: number; text: string; connection: unknown }>(
        (resolve, reject) => {
          const sent = request(`${url}/mina_auth/`, { method: 'POST', headers }, (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
            response.once('end', () =>
              resolve({ status: response.statusCode ?? 0, text, connection: response.headers.connection }),
            );
          });
          // Never ends by itself.
          const feed = () => void sent.write('x'.repeat(16_384), (error) => error == null && setImmediate(feed));
          sent.once(
            'error',
            (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && error.code !== 'EPIPE' && reject(error),
          );
          feed();
        },
      );
      t.is(status, 413);
      t.is(text, '{"error":"body_too_large"}');
      t.is(connection, 'close');
    }
    t.is((await auth(url, session)).returnCode, 0);
  });
}
