import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { Registry } from 'prom-client';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { startHealthServer } from '../../../apps/worker/health.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startProcess } from '../../support/processes.ts';
import { login, newUser } from '../../support/client.ts';
import { startStack } from '../../support/stack.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
test('a worker whose health port is taken works, and has it once it is free', async (t) => {
  const port = String(await findFreePort());
  const env = { ...stack.env, WORKER_HEALTH_PORT: port };
  const first = startProcess('worker', env, t.teardown);
  await first.logged('health server listens');
  await first.logged('worker takes jobs');
  const second = startProcess('worker', env, t.teardown);
  await second.logged('worker takes jobs');
  first.kill('SIGTERM');
  t.is(await first.exited, 0);
  t.is((await login(stack.urls[0], newUser())).returnCode, 0);
  await second.logged('health server listens');
  await until('it answers', async () => (await fetch(`http://127.0.0.1:${port}/livez`)).ok);
  t.is(second.log.filter((line) => line.includes('no health server')).length, 1);
});

test('an address finds room at the health port while eight others have all they may', async (t) => {
  const { port, close } = await startHealthServer({ host: '127.0.0.1', port: 0 }, new Registry(), async () => []);
  t.teardown(close);
  /** @returns the beginning of the answer, or nothing if the connection was refused */
  const ask = async (localAddress: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    t.teardown(() => socket.destroy());
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    const ended = once(socket, 'close').catch(() => undefined);
    socket.on('error', () => undefined).write('GET /livez HTTP/1.1\r\nHost: test\r\n\r\n');
    await Promise.race([once(socket, 'data').catch(() => undefined), ended]);
    return answer.slice(0, 'HTTP/1.1 200'.length);
  };
  const many = [2, 3, 4, 5, 6, 7, 8, 9].flatMap((address) => Array<string>(33).fill(`127.0.0.${address}`));
  const answers = await Promise.all(many.map(ask));
  // Together they have 128, beside the first one of each.
  t.true(answers.filter((answer) => answer !== '').length <= 128 + 8);
  for (let address = 20; address < 30; address++) t.is(await ask(`127.0.0.${address}`), 'HTTP/1.1 200');
});

test('workers count on from the first port by the number that pm2 gives them', (t) => {
  const read = (more: Record<string, string>) =>
    readConfig({ DATABASE_URL: 'mysql://u@h/d', REDIS_URL: 'redis://h', ...more }).worker.healthPort;
  t.is(read({ WORKER_HEALTH_PORT: '9090' }), 9090);
  t.is(read({ WORKER_HEALTH_PORT: '9090', NODE_APP_INSTANCE: '0' }), 9090);
  t.is(read({ WORKER_HEALTH_PORT: '9090', NODE_APP_INSTANCE: '3' }), 9093);
  t.is(read({ WORKER_HEALTH_PORT: '9090', NODE_APP_INSTANCE: 'blue' }), 9090);
  t.is(read({ WORKER_HEALTH_PORT: '0', NODE_APP_INSTANCE: '3' }), 0);
  t.is(read({ NODE_APP_INSTANCE: '3' }), undefined);
});

test('a number that leads beyond the last port costs the health port, not the worker', async (t) => {
  const env = { ...stack.env, WORKER_HEALTH_PORT: '65535', NODE_APP_INSTANCE: '1' };
  const worker = startProcess('worker', env, t.teardown);
  await worker.logged('no health server');
  await worker.logged('worker takes jobs');
  t.pass();
});
