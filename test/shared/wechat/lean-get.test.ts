import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createLeanGet } from '../../../shared/wechat/lean-get.ts';

test('a call whose time was over before it got a connection is never sent', async (t) => {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    if (url !== '/wechat/silent') response.end('{}');
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const lean = createLeanGet(`http://127.0.0.1:${port}/wechat/`, { maxSockets: 1, maxAnswerBytes: 1000 });
  t.teardown(lean.close);

  const timedOut = { kind: 'unreachable', reason: 'wechat_timeout' } as const;
  const silent = lean.get('/silent', 500);
  const waiting = lean.get('/waiting', 50);
  const patient = lean.get('/patient', 60_000);
  t.deepEqual(await waiting, timedOut);
  t.deepEqual(asked, ['/wechat/silent']);
  t.deepEqual(await silent, timedOut);
  t.deepEqual(await patient, { kind: 'body', text: '{}' });
  t.deepEqual(asked, ['/wechat/silent', '/wechat/patient']);
});

test('a call in flight at the end is told that WeChat is unreachable', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const lean = createLeanGet(`http://127.0.0.1:${port}`, { maxSockets: 10, maxAnswerBytes: 1000 });
  const arrived = once(server, 'request');
  const answer = lean.get('/', 60_000);
  await arrived;
  await lean.close();
  t.deepEqual(await answer, { kind: 'unreachable', reason: 'wechat_network' });
});
