import { createServer } from 'node:http';
import dns from 'node:dns';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { createWechatClient } from '../../../shared/wechat/client.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectToHost } from '../../../shared/network/connect-to-host.ts';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createTestDatabase } from '../../support/database.ts';
import { nameHost, startFarAddress } from '../../support/far-host.ts';
import { startTestRedis } from '../../support/redis-server.ts';

const farAddress = '127.0.0.21';
/** Longer than Node's own patience, shorter than ours. */
const awayMs = 600;

const onClose = closeAfterAll(test);
const [redis, database] = [await startTestRedis({ onClose }), await createTestDatabase({ onClose })];
const wechat = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1');
onClose(async () => void wechat.close());
await once(wechat, 'listening');
const askWechat = async (kind: 'leanGet' | 'get', port: number) => {
  const client = createWechatClient(`http://far.test:${port}`);
  try {
    return (await client[kind]('/', 'a=b', 5000)).kind;
  } finally {
    await client.close();
  }
};
for (const [what, upstreamPort, use, answer] of [
  ['WeChat, for log-ins', (wechat.address() as AddressInfo).port, (port) => askWechat('leanGet', port), 'body'],
  ['WeChat, for other calls', (wechat.address() as AddressInfo).port, (port) => askWechat('get', port), 'body'],
  [
    'Redis',
    redis.port,
    async (port) => {
      const client = connectRedis(parseRedisUrl(`redis://far.test:${port}`), 'commands');
      await whenReady(client, AbortSignal.timeout(10_000)).finally(() => client.disconnect());
      return 'ready';
    },
    'ready',
  ],
  [
    'MySQL',
    Number(new URL(database.url).port),
    async (port) => {
      const url = new URL(database.url);
      [url.hostname, url.port] = ['far.test', String(port)];
      const sequelize = openDatabase(parseDatabaseUrl(url.href), { poolSize: 1, connectTimeoutMs: 5000 });
      await sequelize.query('select 1').finally(() => void sequelize.close());
      return 'answered';
    },
    'answered',
  ],
] as readonly (readonly [string, number, (port: number) => Promise<string>, string])[]) {
  test.serial(`${what} is reached under a name of two families, farther away than 250 ms`, async (t) => {
    const far = await startFarAddress(farAddress, upstreamPort, t.teardown.bind(t));
    nameHost('far.test', [farAddress, '::1'], t.teardown.bind(t));
    await far.close();
    setTimeout(far.open, awayMs);
    t.is(await use(far.port), answer);
  });
}

test.serial('an address that answers nothing does not keep the other one waiting', async (t) => {
  const far = await startFarAddress(farAddress, redis.port, t.teardown.bind(t));
  const near = createServer().listen(far.port, '127.0.0.22');
  t.teardown(() => void near.close());
  await once(near, 'listening');
  nameHost('far.test', [farAddress, '127.0.0.22'], t.teardown.bind(t));
  await far.close();
  const socket = await connectToHost({ host: 'far.test', port: far.port }, 10_000);
  t.is(socket.remoteAddress, '127.0.0.22');
  socket.destroy();
});

test.serial('a name that nobody answers for takes one thread, however many want it', async (t) => {
  const { lookup } = dns;
  t.teardown(() => (dns.lookup = lookup));
  const waiting: ((error: Error) => void)[] = [];
  dns.lookup = ((_host: string, _options: object, done: (error: Error) => void) =>
    waiting.push(done)) as unknown as typeof lookup;
  const connecting = Array.from({ length: 8 }, () =>
    t.throwsAsync(connectToHost({ host: 'slow.test', port: 1 }, 10_000), { code: 'ENOTFOUND' }),
  );
  t.is(waiting.length, 1);
  waiting[0]?.(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }));
  await Promise.all(connecting);
});

test.serial('where nothing answers in time that is said, and what was refused is told as such', async (t) => {
  const far = await startFarAddress(farAddress, redis.port, t.teardown.bind(t));
  nameHost('far.test', [farAddress], t.teardown.bind(t));
  await far.close();
  await t.throwsAsync(connectToHost({ host: 'far.test', port: far.port }, 400), { code: 'ETIMEDOUT' });
  const port = await findFreePort();
  await t.throwsAsync(connectToHost({ host: '127.0.0.1', port }, 5000), { code: 'ECONNREFUSED' });
});
