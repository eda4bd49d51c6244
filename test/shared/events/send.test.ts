import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Webhook } from 'standardwebhooks';
import { parseClientList } from '../../../shared/config/client-list.ts';
import type { StoredEvent } from '../../../shared/events/event.ts';
import { createEventSender } from '../../../shared/events/send.ts';
import { createTargetRules } from '../../../shared/events/targets.ts';

const secrets = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
const event = { id: 1, at: 1, event: 'session.created', details: {} } as unknown as StoredEvent;
const inside = createTargetRules(parseClientList('127.0.0.0/8'));

/** @param limitMs left out: the sender's own */
async function start(t: ExecutionContext, listener: RequestListener, limitMs?: number) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let connections = 0;
  server.on('connection', () => connections++);
  const sender = createEventSender(inside, undefined, limitMs);
  t.teardown(async () => {
    await sender.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?of=crm`;
  return { send: () => sender.send({ url, secrets }, event), sender, connections: () => connections };
}

test('an event is signed with each secret, as Standard Webhooks says', async (t) => {
  const { send } = await start(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      t.is(request.url, '/hook?of=crm');
      for (const secret of secrets)
        t.notThrows(() => new Webhook(secret).verify(body, request.headers as Record<string, string>));
      response.writeHead(202).end('thank you');
    });
  });
  t.like(await send(), { isDelivered: true, answer: 'http 202' });
  t.plan(4);
});

test('events that are sent one after another share two connections', async (t) => {
  const { send, connections } = await start(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(200).end('taken'));
  });
  for (let index = 0; index < 20; index++) await send();
  // The next one goes out before undici is through with the answer to the last.
  t.true(connections() <= 2, String(connections()));
});

test('an endpoint has its time for the whole answer, and gets the next event anew', async (t) => {
  const answers: ((response: ServerResponse) => void)[] = [
    () => undefined,
    (response) => response.writeHead(200).write('and now'),
    (response) => response.writeHead(200).end(),
  ];
  const { send } = await start(
    t,
    (request, response) => void request.resume().on('end', () => answers.shift()?.(response)),
    300,
  );
  for (const what of ['no answer', 'an answer without an end']) {
    const { answer, tookMs } = await send();
    t.is(answer, 'timeout', what);
    t.true(tookMs >= 290 && tookMs < 5000, `${what} takes ${Math.round(tookMs)} ms`);
  }
  t.like(await send(), { isDelivered: true, answer: 'http 200' });
});

test('an answer that is too long, or cut off, does not count', async (t) => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(200).end('x'.repeat(100_000)),
    (response) => response.destroy(),
  ];
  const { send } = await start(t, (request, response) => {
    request.resume().on('end', () => answers.shift()?.(response));
  });
  t.like(await send(), { isDelivered: false, answer: 'network UND_ERR_RES_EXCEEDED_MAX_SIZE' });
  t.like(await send(), { isDelivered: false, answer: 'network UND_ERR_SOCKET' });
});

test('what is no address takes no event, and who closes the sender waits for none', async (t) => {
  const { send, sender } = await start(t, () => undefined);
  t.like(await sender.send({ url: 'nowhere', secrets }, event), {
    isDelivered: false,
    answer: 'network ERR_INVALID_URL',
  });
  const sent = send();
  await sender.close();
  t.false((await sent).isDelivered);
});
