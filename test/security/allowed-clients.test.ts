import { request } from 'node:http';
import test from 'ava';
import { parseClientList } from '../../shared/config/client-list.ts';
import { ConfigError, readConfig } from '../../shared/config/config.ts';
import { isOpenToNetwork } from '../../shared/config/exposure.ts';
import { closeAfterAll } from '../support/closing.ts';
import { lastRequest, rawCall, speak } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';
import { ways } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
interface Asked {
  readonly status: number;
  readonly text: string;
  readonly connection: string | undefined;
}

function ask(
  base: string,
  path: string,
  { from = '127.0.0.1', headers = {} }: { from?: string; headers?: Record<string, string | string[]> } = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const sent = request(`${base}${path}`, { method: 'POST', localAddress: from, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text, connection: response.headers.connection }),
      );
    });
    sent.once('error', reject);
    sent.end('{}');
  });
}

const forwarded = (...lines: string[]) => ({ headers: { 'X-Forwarded-For': lines } });

for (const { how, env } of ways) {
  test.serial(`a client that is not on the list is 403 but for health and documentation, ${how}`, async (t) => {
    const url = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.2/32' });
    for (const path of ['/mina_auth/', '/mina_auth', '/forward-auth', `/k/${'A'.repeat(32)}/mina_auth/`, '/anything']) {
      const { status, text, connection } = await ask(url, path);
      t.is(status, 403, path);
      t.is(text, '{"error":"client_not_allowed"}');
      t.is(connection, 'close');
    }
    t.is((await ask(url, '/mina_auth/', { from: '127.0.0.2' })).status, 200);
    for (const path of ['/livez', '/readyz', '/openapi.json']) t.not((await fetch(`${url}${path}`)).status, 403, path);
  });

  test.serial(`METRICS_CLIENTS guards /metrics which has one spelling, and nothing else, ${how}`, async (t) => {
    const url = await stack.addWeb({ ...env, METRICS_CLIENTS: '127.0.0.2' });
    for (const path of ['/metrics', '/metrics?x=1', '/./metrics#x'])
      t.is((await fetch(`${url}${path}`)).status, 403, path);
    for (const path of ['/METRICS', '/metrics/', '/%6detrics']) t.is((await fetch(`${url}${path}`)).status, 404, path);
    t.is((await ask(url, '/mina_auth/')).status, 200);
    t.is((await fetch(`${url}/livez`)).status, 200);
  });

  test.serial(`unless METRICS_CLIENTS says otherwise those read /metrics who may call, ${how}`, async (t) => {
    const statusFrom = (url: string, from: string) =>
      new Promise((resolve, reject) => {
        const sent = request(`${url}/metrics`, { localAddress: from }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.once('error', reject).end();
      });
    const url = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.2' });
    t.is(await statusFrom(url, '127.0.0.2'), 200);
    t.is(await statusFrom(url, '127.0.0.3'), 403);
    const open = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.2', METRICS_CLIENTS: '0.0.0.0/0,::/0' });
    t.is(await statusFrom(open, '127.0.0.3'), 200);
  });

  test.serial(`an address in absolute form is judged as the path in it, ${how}`, async (t) => {
    const url = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.2' });
    const absolute = (from: string, path: string) =>
      new Promise<number>((resolve, reject) => {
        const { port } = new URL(url);
        const sent = request({ host: '127.0.0.1', port, path, localAddress: from, method: 'POST' }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.once('error', reject);
        sent.end('{}');
      });
    for (const path of [
      'http://x/forward-auth',
      'http://x/mina_auth/',
      'HTTPS://livez/mina_auth/',
      'ftp://x/livez',
      '*',
    ])
      t.is(await absolute('127.0.0.1', path), 403, path);
    t.is(await absolute('127.0.0.2', 'http://x/mina_auth/'), 200);
    t.is(await absolute('127.0.0.2', 'http://x/nothing'), 404);
    t.is(await absolute('127.0.0.1', 'http://x/livez'), 405);
  });

  test.serial(`X-Forwarded-For is not believed unless a trusted proxy sends it, ${how}`, async (t) => {
    const url = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '10.0.0.0/8' });
    t.is((await ask(url, '/mina_auth/', forwarded('10.1.2.3'))).status, 403);
    const other = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '10.0.0.0/8', TRUSTED_PROXIES: '127.0.0.9' });
    t.is((await ask(other, '/mina_auth/', forwarded('10.1.2.3'))).status, 403);
  });

  test.serial(`what a proxy says is heard behind however many headers of a client, ${how}`, async (t) => {
    const url = await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.1,10.0.0.0/8', TRUSTED_PROXIES: '127.0.0.1' });
    const many = Array.from({ length: 2500 }, () => 'a:');
    for (const [address, status] of [
      ['8.8.8.8', 403],
      ['10.1.2.3', 200],
    ] as const) {
      const bytes = rawCall('qcloud.cam.auth', {}, [...many, `X-Forwarded-For: ${address}`]);
      t.is((await speak(url, bytes + lastRequest))[0]?.status, status, address);
    }
  });

  test.serial(`behind trusted proxies the client is the last address that is not a proxy, ${how}`, async (t) => {
    const url = await stack.addWeb({
      ...env,
      ALLOWED_CLIENTS: '10.0.0.0/8,2001:db8::/32',
      TRUSTED_PROXIES: '127.0.0.1,172.16.0.0/12',
    });
    const statusOf = async (...lines: string[]) => (await ask(url, '/mina_auth/', forwarded(...lines))).status;
    t.is(await statusOf('10.1.2.3'), 200);
    t.is(await statusOf('8.8.8.8, 10.1.2.3, 172.16.0.1'), 200);
    t.is(await statusOf('10.1.2.3, 8.8.8.8'), 403, 'what the stranger wrote himself');
    t.is(await statusOf('10.1.2.3', '8.8.8.8, 172.16.0.1'), 403, 'in another header');
    t.is(await statusOf('10.1.2.3, nonsense'), 403);
    t.is(await statusOf('10.1.2.3, '), 403);
    t.is(await statusOf('::ffff:10.1.2.3'), 200);
    t.is(await statusOf('10.1.2.3:4711'), 200);
    t.is(await statusOf('[2001:db8::7]:4711'), 200);
    t.is(await statusOf('172.16.0.1, 172.16.0.2'), 403, 'proxies all along: it comes from the first');
    t.is((await ask(url, '/mina_auth/')).status, 403, 'from the proxy itself');
  });
}

test.serial('a client is known by any spelling of its address', (t) => {
  const list = parseClientList('10.0.0.5/8, 192.0.2.7 ,fd00::/8,::ffff:172.16.0.0/108');
  for (const inside of [
    '10.9.9.9',
    '::ffff:10.9.9.9',
    '::ffff:a09:909',
    '192.0.2.7',
    'fd12::1',
    'FD12::1%eth0',
    '172.31.0.1',
  ])
    t.true(list.has(inside), inside);
  for (const outside of [
    '11.0.0.1',
    '192.0.2.8',
    'fe80::1%eth0',
    '172.32.0.1',
    '::1',
    '',
    '10',
    '010.1.1.1',
    '10.1.1.1 ',
  ])
    t.false(list.has(outside), outside);
  t.true(parseClientList('0.0.0.0/0').has('8.8.8.8'));
  for (const wrong of [
    '10.0.0.0/33',
    '',
    '10.0.0.1,',
    'localhost',
    '1.2.3',
    'fe80::1%eth0/64',
    '10.0.0.1/ 8',
    '::ffff:1.2.3.4/90',
  ])
    t.throws(() => parseClientList(wrong), { instanceOf: TypeError }, wrong);
});

test.serial('all lists that are wrong are named at the start, with the entries that are', (t) => {
  const env = { DATABASE_URL: 'mysql://u:p@h/c', REDIS_URL: 'redis://h' };
  const { faults } = t.throws(
    () =>
      readConfig({
        ...env,
        ALLOWED_CLIENTS: '10.0.0.0/8,ten',
        METRICS_CLIENTS: '1/2',
        TRUSTED_PROXIES: 'x',
        REQUIRE_CALLER_KEY: 'yes',
      }),
    { instanceOf: ConfigError },
  );
  t.deepEqual(
    faults.map((fault) => fault.split(' ')[0]),
    ['ALLOWED_CLIENTS', 'METRICS_CLIENTS', 'TRUSTED_PROXIES', 'REQUIRE_CALLER_KEY'],
  );
  t.true(faults[0]?.endsWith('not one: "ten"'));
});

test.serial('a server that listens beyond this machine without a list or keys is open', (t) => {
  const isOpen = (more: Record<string, string>) =>
    isOpenToNetwork(readConfig({ DATABASE_URL: 'mysql://u:p@h/c', REDIS_URL: 'redis://h', ...more }));
  for (const HOST of ['0.0.0.0', '::', '10.0.0.5', 'web.internal']) {
    t.true(isOpen({ HOST }), HOST);
    t.false(isOpen({ HOST, ALLOWED_CLIENTS: '10.0.0.0/8' }));
    t.false(isOpen({ HOST, REQUIRE_CALLER_KEY: 'true' }));
  }
  for (const HOST of ['', '127.0.0.1', '127.1.1.1', '::1', 'localhost']) t.false(isOpen({ HOST }), HOST);
});
