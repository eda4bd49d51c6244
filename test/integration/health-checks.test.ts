import { request } from 'node:http';
import test from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { speak } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
/** Never gets ready. */
const lost = await stack.addWeb({ DATABASE_URL: 'mysql://u:p@127.0.0.1:1/c', REDIS_URL: 'redis://127.0.0.1:1' });
interface HealthAnswer {
  readonly status: number;
  readonly text: string;
  readonly allow: string | undefined;
}

function ask(base: string, path: string, method: string): Promise<HealthAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(base + path, { method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text, allow: response.headers.allow }));
    });
    sent.once('error', reject);
    sent.end();
  });
}

for (const [path, whenReady, whenNot] of [
  ['/livez', 200, 200],
  ['/readyz', 200, 503],
] as const) {
  test.serial(`${path} says the same to GET, HEAD and OPTIONS, and 405 to any other method`, async (t) => {
    for (const [base, status] of [
      [url, whenReady],
      [lost, whenNot],
    ] as const) {
      const { text } = await ask(base, path, 'GET');
      t.like(await ask(base, path, 'GET'), { status });
      t.like(await ask(base, path, 'HEAD'), { status, text: '' });
      t.like(await ask(base, path, 'OPTIONS'), { status, text });
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'SEARCH']) {
        t.like(await ask(base, path, method), { status: 405, allow: 'GET, HEAD, OPTIONS' }, method);
      }
      const [old] = await speak(base, `OPTIONS ${path} HTTP/1.0\r\n\r\n`);
      t.is(old?.status, status, 'HTTP/1.0 without a Host');
    }
  });
}

for (const [way, health] of [
  ['its default, OPTIONS', ['option httpchk /readyz']],
  ['HEAD', ['option httpchk HEAD /readyz']],
  ['GET', ['option httpchk', 'http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host wafer']],
] as const) {
  test.serial(`HAProxy that asks with ${way} takes a front end for up only while it is ready`, async (t) => {
    const later = t.teardown.bind(t);
    const ready = await startHaproxy(url, health, later);
    await until('the ready one has been asked', async () => (await ready.lastStatus()) !== '');
    t.deepEqual([await ready.lastStatus(), await ready.state()], ['200', 'UP']);
    t.is((await fetch(`${ready.url}/livez`)).status, 200);
    const unready = await startHaproxy(lost, health, later);
    await until('the other has been asked', async () => (await unready.lastStatus()) !== '');
    t.deepEqual([await unready.lastStatus(), await unready.state()], ['503', 'DOWN']);
  });
}

test.serial('a worker’s health port says the same to every method', async (t) => {
  const port = await findFreePort();
  await stack.addWorker({ WORKER_HEALTH_PORT: String(port) });
  const base = `http://127.0.0.1:${port}`;
  await until('the worker is ready', async () => (await ask(base, '/readyz', 'GET')).status === 200);
  for (const method of ['HEAD', 'OPTIONS']) t.is((await ask(base, '/readyz', method)).status, 200);
  for (const method of ['POST', 'PROPFIND']) t.is((await ask(base, '/readyz', method)).status, 405);
  t.is((await speak(base, `OPTIONS /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))[0]?.status, 404);
});
