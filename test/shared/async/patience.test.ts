import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { QueryTypes } from 'sequelize';
import { createLeanGet } from '../../../shared/wechat/lean-get.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectRedis } from '../../../shared/redis/connect.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startTestRedis } from '../../support/redis-server.ts';

const wechat = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:http').createServer((_request, response) => setTimeout(() => response.end('{}'), 100));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

/** Stops the process in the middle of what it does, as SIGSTOP does, or a machine that takes the processor away. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test.serial('a statement that was answered while the process was paused is no failure', async (t) => {
  const database = await createTestDatabase({ onClose: t.teardown.bind(t) });
  // Not through the tests' proxy, which is paused too.
  const address = parseDatabaseUrl(new URL(`/${database.name}`, database.adminUrl).href);
  const sequelize = openDatabase(address, { poolSize: 1 });
  t.teardown(() => sequelize.close());
  const ask = () => sequelize.query('select connection_id() id, sleep(0.2)', { type: QueryTypes.SELECT });
  const before = await ask();
  const answer = ask();
  await setImmediate();
  pause(2000);
  t.deepEqual(await answer, before, 'on the connection that was there before');
});

test.serial('a command that was answered while the process was paused is no failure', async (t) => {
  const redis = await startTestRedis({ onClose: t.teardown.bind(t) });
  const client = connectRedis(parseRedisUrl(redis.url), 'commands', { commandTimeoutMs: 500 });
  t.teardown(() => client.disconnect());
  await new Promise((resolve) => client.once('ready', resolve));
  let closed = 0;
  client.on('close', () => closed++);
  const answer = client.call('ping');
  pause(1500);
  t.is(await answer, 'PONG');
  t.is(await client.call('ping'), 'PONG');
  t.is(closed, 0);
});

test.serial('an answer of WeChat that came while the process was paused counts', async (t) => {
  // In a thread of its own, as it has to answer meanwhile.
  const server = new Worker(wechat, { eval: true });
  t.teardown(async () => {
    await server.terminate();
  });
  const [port] = (await once(server, 'message')) as [number];
  const lean = createLeanGet(`http://127.0.0.1:${port}`, { maxSockets: 10, maxAnswerBytes: 1000 });
  t.teardown(lean.close);
  t.deepEqual(await lean.get('/', 1000), { kind: 'body', text: '{}' });
  // A connection takes its next call a turn after the last one's answer.
  await setImmediate();
  const answer = lean.get('/', 500);
  await setImmediate();
  pause(1000);
  t.deepEqual(await answer, { kind: 'body', text: '{}' });
});
