import { once } from 'node:events';
import test from 'ava';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { lastRequest, openSocket, parseAnswers, rawCall, speak } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const lockedTo = { ALLOWED_CLIENTS: '10.0.0.0/8', METRICS_CLIENTS: '10.0.0.0/8' };
const sites = await Promise.all(
  (await openBothWays(stack)).map(async (way) => ({ ...way, locked: await stack.addWeb({ ...way.env, ...lockedTo }) })),
);
const crlf = (...lines: string[]) => lines.join('\r\n');
const post = (...headers: string[]) => crlf('POST /mina_auth/ HTTP/1.1', 'Host: test', ...headers, '', '');
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Requests that two servers in a row may cut in different places, with `inner` where one of them sees a second request. */
const ambiguous: Record<string, (inner: string) => string> = {
  'Content-Length and Transfer-Encoding': (inner) =>
    `${post(`Content-Length: ${inner.length + 5}`, 'Transfer-Encoding: chunked')}0\r\n\r\n${inner}`,
  'Transfer-Encoding and Content-Length': (inner) =>
    `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}${chunk('{}')}0\r\n\r\n${inner}`,
  'two lengths': (inner) => `${post('Content-Length: 0', `Content-Length: ${inner.length}`)}${inner}`,
  'the same length twice': (inner) => `${post('Content-Length: 2', 'Content-Length: 2')}{}${inner}`,
  'a list of lengths': (inner) => `${post(`Content-Length: 0, ${inner.length}`)}${inner}`,
  'a length with a sign': (inner) => `${post('Content-Length: +0')}${inner}`,
  'a negative length': (inner) => `${post('Content-Length: -1')}${inner}`,
  'a hexadecimal length': (inner) => `${post('Content-Length: 0x0')}${inner}`,
  'a length beyond 64 bits': (inner) => `${post('Content-Length: 18446744073709551616')}${inner}`,
  'a length with a space before the colon': (inner) => `${post(`Content-Length : ${inner.length}`)}${inner}`,
  'a coding with a space before the colon': (inner) => `${post('Transfer-Encoding : chunked')}0\r\n\r\n${inner}`,
  'a coding that is not known': (inner) => `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${inner}`,
  'chunked that is not the last coding': (inner) => `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${inner}`,
  'two codings in two headers': (inner) =>
    `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n${inner}`,
  'a coding with a vertical tab': (inner) => `${post('Transfer-Encoding: \u000bchunked')}0\r\n\r\n${inner}`,
  'a coding on a folded line': (inner) => `${post('Transfer-Encoding:', ' chunked')}0\r\n\r\n${inner}`,
  'a folded line that looks like a length': (inner) => `${post('X-A: b', ' Content-Length: 2')}${inner}`,
  'a length before a folded line': (inner) => `${post('Content-Length: 0', ` ${inner.length}`)}${inner}`,
  'lines that end in LF': (inner) => `${post('Content-Length: 0').replaceAll('\r\n', '\n')}${inner}`,
  'one header that ends in LF': (inner) => `${post('X-A: b\nContent-Length: 0')}${inner}`,
  'one header that ends in CR': (inner) => `${post('X-A: b\rContent-Length: 0')}${inner}`,
  'a NUL in a header': (inner) => `${post('X-A: b\0c')}${inner}`,
  'a header without a name': (inner) => `${post(': b')}${inner}`,
  'a header without a colon': (inner) => `${post('Content-Length')}${inner}`,
  'a size of a chunk with LF': (inner) => `${post('Transfer-Encoding: chunked')}2\n{}\r\n0\r\n\r\n${inner}`,
  'a size of a chunk with 0x': (inner) => `${post('Transfer-Encoding: chunked')}0x2\r\n{}\r\n0\r\n\r\n${inner}`,
  'a negative size of a chunk': (inner) => `${post('Transfer-Encoding: chunked')}-2\r\n{}\r\n0\r\n\r\n${inner}`,
  'a size of a chunk beyond 64 bits': (inner) =>
    `${post('Transfer-Encoding: chunked')}10000000000000000\r\n{}\r\n0\r\n\r\n${inner}`,
  'a chunk longer than its size': (inner) => `${post('Transfer-Encoding: chunked')}1\r\n{}\r\n0\r\n\r\n${inner}`,
  'a chunk that ends in LF': (inner) => `${post('Transfer-Encoding: chunked')}2\r\n{}\n0\r\n\r\n${inner}`,
  'an extension of a chunk with LF': (inner) =>
    `${post('Transfer-Encoding: chunked')}2;a\nb\r\n{}\r\n0\r\n\r\n${inner}`,
  'a megabyte of extensions of a chunk': (inner) =>
    `${post('Transfer-Encoding: chunked')}2;${'a'.repeat(1_048_576)}\r\n{}\r\n0\r\n\r\n${inner}`,
  'a trailer that names a length': (inner) =>
    `${post('Transfer-Encoding: chunked')}${chunk('{}')}0\r\nContent-Length: 3\r\n\r\n${inner}`,
  'chunks in HTTP/1.0': (inner) =>
    `${post('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0')}0\r\n\r\n${inner}`,
  'a version that is not known': (inner) => `${post('Content-Length: 0').replace('HTTP/1.1', 'HTTP/1.2')}${inner}`,
  'HTTP/0.9': (inner) => `GET /mina_auth/\r\n${inner}`,
  'the beginning of HTTP/2': (inner) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`,
  'no Host': (inner) => `POST /mina_auth/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n${inner}`,
  'a space in the path': (inner) => `${post('Content-Length: 0').replace('/mina_auth/', '/mina_auth/ /x')}${inner}`,
  CONNECT: (inner) => `CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n${inner}`,
};

async function logIn(): Promise<{ id: string; skey: string }> {
  const { id, skey } = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
  return { id, skey };
}

/** Requests whose end is beyond doubt: `inner` is their body, and the next request is answered as such. */
const clear: Record<string, (inner: string) => string> = {
  'GET with a body': (inner) => `${post(`Content-Length: ${inner.length}`).replace('POST', 'GET')}${inner}`,
  'an extension of a chunk': (inner) =>
    `${post('Transfer-Encoding: chunked')}${chunk(inner).replace('\r\n', ';a=b\r\n')}0\r\n\r\n`,
  'a method that has no body elsewhere': (inner) =>
    `${post(`Content-Length: ${inner.length}`).replace('POST', 'TRACE')}${inner}`,
  'a length in another header': (inner) => `${post('X-Content-Length: 0', `Content-Length: ${inner.length}`)}${inner}`,
};

for (const { how, url, locked } of sites) {
  for (const [title, build] of Object.entries(ambiguous)) {
    test.serial(`${title} is refused, and what follows is not executed, ${how}`, async (t) => {
      const session = await logIn();
      const answers = await speak(url, build(rawCall('qcloud.cam.logout', session) + lastRequest));
      t.true(answers.length <= 1);
      for (const { status, body, headers } of answers) {
        t.true(status >= 400, String(status));
        t.is(headers['connection'], 'close');
        if (body !== '') t.is(typeof (JSON.parse(body) as { error: unknown }).error, 'string');
      }
      t.is((await auth(url, session)).returnCode, 0);
    });
  }

  for (const [title, build] of Object.entries(clear)) {
    test.serial(`${title} hides neither its body nor the next request, ${how}`, async (t) => {
      const session = await logIn();
      const answers = await speak(url, build(rawCall('qcloud.cam.logout', session)) + lastRequest);
      t.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
      );
      t.regex(answers[0]?.body ?? '', /"returnCode":1009,/);
      t.is(answers[1]?.body, '{"status":"ok"}');
      t.is((await auth(url, session)).returnCode, 0);
    });
  }

  test.serial(`after a refusal the rest of the connection is not executed, ${how}`, async (t) => {
    const session = await logIn();
    const inner = rawCall('qcloud.cam.logout', session);
    const refused: [base: string, status: number, request: string][] = [
      [locked, 403, post('Content-Length: 0')],
      [locked, 403, post('Content-Length: 100000')],
      [url, 401, crlf(`POST /k/${'A'.repeat(32)}/mina_auth/ HTTP/1.1`, 'Host: test', 'Content-Length: 0', '', '')],
      [url, 413, `${post('Transfer-Encoding: chunked')}${chunk('x'.repeat(70_000))}0\r\n\r\n`],
      [url, 413, `${post('Content-Length: 70000')}${'x'.repeat(70_000)}`],
      [url, 413, post('Content-Length: 70000', 'Expect: 100-continue')],
      [url, 417, post('Content-Length: 0', 'Expect: a miracle')],
      [url, 431, post(`X-A: ${'a'.repeat(20_000)}`)],
    ];
    // The callers are known by now: where they had to be read first, what follows would be judged meanwhile, on its own.
    t.is((await fetch(`${url}/k/${'A'.repeat(32)}/mina_auth/`)).status, 401);
    for (const [base, status, request] of refused) {
      const answers = await speak(base, request + inner + lastRequest);
      t.deepEqual(
        answers.map((answer) => answer.status),
        [status],
        request.slice(0, 100),
      );
      t.is(answers[0]?.headers['connection'], 'close');
      t.is((await auth(url, session)).returnCode, 0, `${status}: what followed was executed`);
    }
    t.is((await auth(url, session)).returnCode, 0);
  });

  test.serial(`a wish for another protocol is not granted, and the connection goes on, ${how}`, async (t) => {
    const session = await logIn();
    const inner = rawCall('qcloud.cam.logout', session);
    const wish = post('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', `Content-Length: ${inner.length}`) + inner;
    const socket = await openSocket(url, async (close) => t.teardown(close));
    for (let round = 0; round < 2; round++) {
      // What is sent along with it belongs to neither protocol, and is dropped.
      socket.write(wish + inner);
      const [answer] = parseAnswers(String((await once(socket, 'data'))[0]));
      t.is(answer?.status, 200);
      t.regex(answer?.body ?? '', /"returnCode":1009,/);
    }
    t.is((await auth(url, session)).returnCode, 0);
  });
}
