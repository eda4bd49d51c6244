import { once } from 'node:events';
import test from 'ava';
import * as fc from 'fast-check';
import { createRequestReader } from '../../apps/web/fast-lane/whole-request.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { checkManyAtOnce } from '../support/properties.ts';
import { openSocket } from '../support/raw-http.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const sites = await openBothWays(stack);
const { id, skey } = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
const { key } = (await runCli(stack.env, ['caller', 'add', 'same', '--json'])).json as { key: string };
/** Everything that is answered to these bytes, but for what differs from one request to the next. */
async function ask(url: string, bytes: Buffer): Promise<string> {
  const socket = await openSocket(url, onClose);
  socket.removeAllListeners('error').on('error', () => undefined);
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
  const closed = once(socket, 'close');
  socket.write(bytes);
  await Promise.race([once(socket, 'data'), closed]);
  socket.write('GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
  await closed;
  return text
    .replace(/\r\nDate: [^\r]* GMT\r\n/g, '\r\nDate: now\r\n')
    .replace(/: [0-9a-f]{12}-[0-9a-z]+\r\n/g, ': new\r\n');
}

const call = (para: object) => JSON.stringify({ interface: { interfaceName: 'qcloud.cam.auth', para } });
const often = <Value>(value: Value, ...others: Value[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const latin1 = fc
  .array(fc.constantFrom(' ', '\t', ',', ';', '"', 'a', '0', '\x7e', '\x80', '\xa0', '\xff'), { maxLength: 6 })
  .map((characters) => characters.join(''));
const value = (right: string) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(right) },
    latin1,
    latin1.map((end) => right + end),
  );
const name = (text: string) => fc.constantFrom(text, text.toLowerCase(), text.toUpperCase());
const header = (text: string, of: fc.Arbitrary<string>) =>
  fc.tuple(name(text), of).map(([name, of]) => `${name}:${of}`);
const request = fc
  .record({
    isCheck: fc.boolean(),
    method: often('', 'GET', 'POST', 'HEAD', 'PUT', 'OPTIONS'),
    before: often('', '/', `/k/${key}`, `//k/${key}/`, `/k/${key}x`, '/k/', '/.'),
    after: often('', '?', '?a=b', '/', '#x', '%20', ';'),
    credentials: fc.tuple(header('X-WX-Id', value(` ${id}`)), header('X-WX-Skey', value(skey))),
    more: fc.array(
      fc.oneof(
        header('X-Wafer-Appid', fc.constantFrom('', ' ', testAppid, 'wxother', `${testAppid}\t`)),
        header('X-WX-Id', value(id)),
        header('X-Request-Id', value('a-B.1')),
        header('X-Forwarded-For', latin1),
        header('Connection', fc.constantFrom('keep-alive', 'close', ' Keep-Alive ', 'x')),
        header('Content-Type', latin1),
        header('Cookie', latin1),
      ),
      { maxLength: 3 },
    ),
    body: fc.oneof(
      { weight: 4, arbitrary: fc.constant(call({ id, skey })) },
      fc.constantFrom(call({ id, skey: 'x' }), call({ id, skey, appid: 'wxother' }), '', '{', 'x'.repeat(70_000)),
    ),
  })
  .map(({ isCheck, method, before, after, credentials, more, body }) => {
    const path = `${before}${isCheck ? '/forward-auth' : '/mina_auth/'}${after}`;
    const lines = isCheck ? [...credentials, ...more] : [...more, `Content-Length: ${body.length}`];
    const first = `${method === '' ? (isCheck ? 'GET' : 'POST') : method} ${path} HTTP/1.1`;
    return Buffer.from([first, 'Host: test', ...lines, '', isCheck ? '' : body].join('\r\n'), 'latin1');
  });

test('any request gets the same bytes with the fast lane and without', async (t) => {
  let plain = 0;
  const statuses: Record<string, number> = {};
  await checkManyAtOnce(
    request,
    async (bytes) => {
      const [inLane = '', byKoa] = await Promise.all(sites.map(({ url }) => ask(url, bytes)));
      if (inLane !== byKoa) throw new Error(`${JSON.stringify(inLane)} is not ${JSON.stringify(byKoa)}`);
      if (createRequestReader()(bytes) !== undefined) plain++;
      const status = inLane.slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
    },
    { runs: 2000, atOnce: 20 },
  );
  t.log(`${plain} were plain`, statuses);
  t.true(plain > 300, `${plain} were plain`);
  for (const status of ['200', '401', '403', '404', '405', '413']) t.true((statuses[status] ?? 0) > 0, status);
});
