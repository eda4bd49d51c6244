import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'ava';
import * as fc from 'fast-check';
import { createRequestReader } from '../../../../apps/web/fast-lane/whole-request.ts';

/** What Node's own server makes of the same bytes, if they are all that comes over a connection. */
const node = createServer((request, response) => {
  void text(request.setEncoding('latin1')).then((body) => {
    const { method, url, httpVersion, headers } = request;
    response.end(JSON.stringify({ method, url, httpVersion, body, headers }));
  });
});
node.listen(0, '127.0.0.1');
await once(node, 'listening');
test.after.always(() => {
  node.closeAllConnections();
  node.close();
});

async function readByNode(bytes: Buffer): Promise<string[]> {
  const socket = connect((node.address() as AddressInfo).port, '127.0.0.1');
  socket.write(bytes);
  // A request of its own behind it: it is not understood if the one before it went on.
  socket.write('GET /end HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n');
  const answers = (await text(socket)).split(/HTTP\/1\.1 /).slice(1);
  return answers.map((answer) => (answer.startsWith('200') ? answer.slice(answer.indexOf('\r\n\r\n') + 4) : answer));
}

const read = (bytes: string) => createRequestReader()(Buffer.from(bytes, 'latin1'));
const post = (body: string, ...headers: string[]) =>
  ['POST /mina_auth/ HTTP/1.1', 'Host: test', ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');

test('a plain request is read: URL, id, where it came from, body', (t) => {
  const request = read(post('{"a":1}', 'x-request-id:  abc ', 'X-Forwarded-For: 192.0.2.1, 10.0.0.1'));
  t.is(request?.head.url, '/mina_auth/');
  t.is(request?.head.requestId, 'abc');
  t.deepEqual(request?.head.headers, { 'x-forwarded-for': '192.0.2.1, 10.0.0.1' });
  t.is(request?.body.toString(), '{"a":1}');
});

test('each request of a connection is read on its own, however the last one began', (t) => {
  const readNext = createRequestReader();
  const bodies = ['{"a":1}', '{"a":2}', '{"a":12}', '{"a":3}', ''];
  for (const body of [...bodies, ...bodies]) {
    t.is(readNext(Buffer.from(post(body)))?.body.toString(), body);
    t.is(readNext(Buffer.from(`${post(body)}x`)), undefined);
    t.is(readNext(Buffer.from(post(body).slice(0, -1))), undefined);
    t.is(readNext(Buffer.from(post(body, 'X-Request-Id: a')))?.head.requestId, 'a');
  }
});

const notPlain: Record<string, string> = {
  'a tab behind the length': post('').replace('Length: 0', 'Length: 0\t'),
  'a GET with a length': post('').replace('POST', 'GET'),
  'another method': post('').replace('POST', 'PUT'),
  'HTTP/1.0': post('').replace('HTTP/1.1', 'HTTP/1.0'),
  'an absolute URL': post('').replace('/mina', 'http://test/mina'),
  'a query': post('').replace('auth/', 'auth/?a=b'),
  'no Host': post('').replace('Host: test\r\n', ''),
  'two Hosts': post('', 'Host: other'),
  'no length': post('').replace('Content-Length: 0\r\n', ''),
  'two lengths': post('{}', 'Content-Length: 2'),
  'a length with a sign': post('{}').replace(': 2', ': +2'),
  'a length in hexadecimal': post('{}').replace(': 2', ': 0x2'),
  'a list of lengths': post('{}').replace(': 2', ': 2, 2'),
  chunks: post('0\r\n\r\n', 'Transfer-Encoding: chunked'),
  'an expectation': post('{}', 'Expect: 100-continue'),
  'a wish for another protocol': post('{}', 'Upgrade: h2c'),
  'the end of the connection': post('{}', 'Connection: close'),
  'a list of options': post('{}', 'Connection: keep-alive, te'),
  'two ids': post('{}', 'X-Request-Id: a', 'X-Request-Id: b'),
  'a folded line': post('{}', 'X-A: b', ' c'),
  'a bare LF': post('{}', 'X-A: b\nX-B: c'),
  'a bare CR': post('{}', 'X-A: b\rX-B: c'),
  'a NUL': post('{}', 'X-A: \0'),
  'a space before the colon': post('{}', 'X-A : b'),
  'a line without a colon': post('{}', 'X-A'),
  'an empty name': post('{}', ': b'),
  'two requests': post('{}') + post('{}'),
  'an empty line first': `\r\n${post('{}')}`,
  'a head without an end': 'POST /mina_auth/ HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n',
  'sixteen kilobytes of headers': post('{}', `X-A: ${'b'.repeat(16_384)}`),
};
for (const [what, bytes] of Object.entries(notPlain)) {
  test(`Node gets ${what}`, (t) => t.is(read(bytes), undefined));
}

test('whatever is read here Node reads as the same one request', async (t) => {
  const pieces =
    '\r\n|\n|\r|:| |\t|\0|\x7f|\xa0|\xff|,|0|2|chunked|keep-alive|close|Host|Content-Length|Transfer-Encoding|Connection|Expect|TE';
  const piece = fc.constantFrom(...pieces.split('|'));
  const line = fc.oneof(
    fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
    fc
      .tuple(
        fc.constantFrom('X-A', 'x-request-id', 'Accept', '!#$', 'X-Forwarded-For'),
        fc.array(piece, { maxLength: 3 }),
      )
      .map(([name, value]) => `${name}:${value.join('')}`),
  );
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 4 }), fc.string({ maxLength: 6 }), async (lines, ascii) => {
      const body = Buffer.from(ascii).toString('latin1');
      const bytes = post(body, ...lines);
      const request = read(bytes);
      if (request === undefined) return;
      accepted++;
      const [first = '', second = '', ...more] = await readByNode(Buffer.from(bytes, 'latin1'));
      const seen = JSON.parse(first) as { url: string; headers: Record<string, string> };
      t.like(seen, { method: 'POST', url: request.head.url, httpVersion: '1.1', body });
      t.is(seen.headers['x-request-id'], request.head.requestId);
      t.is(seen.headers['x-forwarded-for'], request.head.headers['x-forwarded-for']);
      t.is((JSON.parse(second) as { url: string }).url, '/end');
      t.is(more.length, 0);
    }),
    { numRuns: 3000 },
  );
  t.true(accepted > 100, `${accepted} were read`);
});
