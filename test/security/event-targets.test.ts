import dns from 'node:dns';
import test from 'ava';
import { noClients, parseClientList } from '../../shared/config/client-list.ts';
import type { StoredEvent } from '../../shared/events/event.ts';
import { createEventSender } from '../../shared/events/send.ts';
import { createTargetRules } from '../../shared/events/targets.ts';
import { createNameLookup } from '../../shared/network/name-lookup.ts';
import { startTestDns } from '../support/dns-server.ts';
import { startEventReceiver } from '../support/event-receiver.ts';
import { until } from '../support/until.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const event = { id: 1, at: 1, event: 'session.created', details: {} } as unknown as StoredEvent;
const strict = createTargetRules(noClients);
const inside = createTargetRules(parseClientList('127.0.0.0/8'));

const refused = `
  0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 169.254.169.254 172.16.0.1 192.0.0.1 192.0.2.1 192.168.1.1
  198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
  :: ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 100::1 2001::1 2001:db8::1 2002:7f00:1::
  fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 localhost`
  .trim()
  .split(/\s+/);

test('no address but a public one is accepted, and that by https alone', (t) => {
  t.deepEqual(
    refused.filter((address) => strict.accepts(address, 'https:')),
    [],
  );
  for (const address of ['1.1.1.1', '8.8.8.8', '2606:4700:4700::1111']) {
    t.true(strict.accepts(address, 'https:'), address);
    t.false(strict.accepts(address, 'http:'), address);
  }
  t.true(inside.accepts('127.0.0.1', 'http:'));
  t.false(inside.accepts('10.0.0.1', 'http:'));
});

test('an address in any spelling of a URL is refused when an endpoint is added', (t) => {
  for (const url of [
    'http://example.com/',
    'ftp://example.com/',
    'https://user:pass@example.com/',
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'javascript:alert(1)',
    'not an address',
  ])
    t.is(typeof strict.findFault(url), 'string', url);
  t.is(strict.findFault('https://example.com/hook?key=1'), undefined);
  t.is(inside.findFault('http://example.com/'), undefined, 'what it leads to is looked at when it is connected to');
});

test('nothing is sent to a name that leads inside', async (t) => {
  const receiver = await startEventReceiver((close) => t.teardown(close));
  const port = new URL(receiver.url).port;
  const sender = createEventSender(strict);
  t.teardown(() => sender.close());
  for (const url of [
    receiver.url,
    `http://localhost:${port}/`,
    `https://localhost:${port}/`,
    `https://127.0.0.1:${port}/`,
  ]) {
    const { isDelivered, answer } = await sender.send({ url, secrets: [secret] }, event);
    t.deepEqual([isDelivered, answer], [false, 'address refused: not public'], url);
  }
  t.deepEqual(receiver.deliveries, []);
});

test('a name one of whose addresses leads inside leads nowhere', async (t) => {
  const names = await startTestDns({ 'rebound.example': ['1.1.1.1', '10.0.0.1'] }, t.teardown.bind(t));
  const sender = createEventSender(strict, createNameLookup({ servers: [names.address] }));
  t.teardown(() => sender.close());
  const { answer } = await sender.send({ url: 'https://rebound.example/', secrets: [secret] }, event);
  t.is(answer, 'address refused: not public');
});

test('events to a name that nobody answers for leave log-ins their threads', async (t) => {
  const names = await startTestDns({ 'slow.example': 'silent' }, t.teardown.bind(t));
  const receiver = await startEventReceiver((close) => t.teardown(close));
  const sender = createEventSender(inside, createNameLookup({ servers: [names.address] }));
  t.teardown(() => sender.close());
  const { lookup } = dns;
  t.teardown(() => (dns.lookup = lookup));
  const asked: string[] = [];
  dns.lookup = ((host: string, ...rest: [object, () => void]) => {
    asked.push(host);
    return lookup(host, ...rest);
  }) as typeof dns.lookup;
  const lanes = Array.from({ length: 32 }, () =>
    sender.send({ url: 'http://slow.example/', secrets: [secret] }, event),
  );
  await until('the name is asked for', () => names.asked.length > 0);
  const { isDelivered } = await sender.send({ url: receiver.url, secrets: [secret] }, event);
  t.true(isDelivered, 'another endpoint gets its own meanwhile');
  await sender.close();
  t.deepEqual([...new Set((await Promise.all(lanes)).map((sent) => sent.isDelivered))], [false]);
  t.deepEqual(
    asked.filter((host) => host === 'slow.example'),
    [],
  );
});

test('a redirect is not followed', async (t) => {
  const [from, to] = [
    await startEventReceiver((close) => t.teardown(close)),
    await startEventReceiver((close) => t.teardown(close)),
  ];
  from.answer = () => 307;
  from.location = to.url;
  const sender = createEventSender(inside);
  t.teardown(() => sender.close());
  const { isDelivered, answer } = await sender.send({ url: from.url, secrets: [secret] }, event);
  t.deepEqual([isDelivered, answer], [false, 'http 307']);
  t.deepEqual(to.deliveries, []);
});
