import dns from 'node:dns';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createNameLookup, toLookupFunction } from '../../../shared/network/name-lookup.ts';
import { startTestDns } from '../../support/dns-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

async function start(
  t: ExecutionContext,
  names: Parameters<typeof startTestDns>[0],
  { hosts = '', resolver = '' }: { readonly hosts?: string; readonly resolver?: string } = {},
) {
  const folder = await createTemporaryFolder('names');
  t.teardown(folder.remove);
  const files = { hosts: join(folder.path, 'hosts'), resolver: join(folder.path, 'resolv.conf') };
  await writeFile(files.hosts, hosts);
  await writeFile(files.resolver, resolver);
  const server = await startTestDns(names, t.teardown.bind(t));
  const lookup = createNameLookup({ servers: [server.address], files });
  t.teardown(() => lookup.close());
  const find = (host: string) => lookup.findAddresses(host).catch((error: NodeJS.ErrnoException) => error.code ?? '');
  return { lookup, find, asked: server.asked };
}

/** Takes the system's lookup away, which waits in one of its threads; what was asked of it is answered by hand. */
function holdSystem(t: ExecutionContext) {
  const { lookup } = dns;
  t.teardown(() => (dns.lookup = lookup));
  const waiting: { readonly host: string; readonly answer: (address: string) => void }[] = [];
  const hold = (host: string, options: object, done: (error: null, found: dns.LookupAddress[]) => void): void => {
    // Sockets look up addresses too.
    if (isIP(host) !== 0) lookup(host, options, done as never);
    else waiting.push({ host, answer: (address) => done(null, [{ address, family: 4 }]) });
  };
  dns.lookup = hold as unknown as typeof dns.lookup;
  return waiting;
}

test.serial('a name that nobody answers for takes no thread, and holds up no other', async (t) => {
  const system = holdSystem(t);
  const { lookup, find, asked } = await start(t, { 'slow.test': 'silent', 'good.test': ['192.0.2.1', '192.0.2.2'] });
  const slow = Array.from({ length: 32 }, () => find('slow.test'));
  await until('it is asked for', () => asked.length >= 2);
  t.deepEqual(await find('good.test'), ['192.0.2.1', '192.0.2.2']);
  lookup.close();
  t.deepEqual([...new Set(await Promise.all(slow))], ['ECANCELLED']);
  t.is(await find('slow.test'), 'ECANCELLED', 'what came of it is remembered');
  t.is(asked.filter((name) => name === 'slow.test').length, 2, 'once for each family');
  t.deepEqual(system, []);
});

test.serial('names that DNS does not know are left to the system, one at a time', async (t) => {
  const system = holdSystem(t);
  const { find } = await start(t, {});
  const hosts = Array.from({ length: 12 }, (_, at) => `printer${at}.local`);
  const found = hosts.map(find);
  for (const count of hosts.keys()) {
    await until('the next one is asked for', () => system.length === count + 1);
    t.is(system.length, count + 1);
    system[count]?.answer(`192.0.2.${count}`);
  }
  // DNS may say in any order that it does not know them.
  const addresses = (await Promise.all(found)).map(([address = '', ...more]) => [address, ...more].join());
  t.deepEqual(addresses.toSorted(), hosts.map((_, count) => `192.0.2.${count}`).toSorted());
});

test.serial('the file of hosts comes before DNS', async (t) => {
  const hosts =
    '# 192.0.2.9 pinned.test\n192.0.2.7 other Pinned.test # as it is\n2001:db8::7\tpinned.test\nno pinned.test\n';
  const { find, asked } = await start(t, { 'pinned.test': ['192.0.2.1'] }, { hosts });
  t.deepEqual(await find('pinned.test'), ['192.0.2.7', '2001:db8::7']);
  t.deepEqual(asked, []);
});

test.serial('a short name is first one of the own domains, as the system has it', async (t) => {
  const names = { 'crm.shop': ['192.0.2.1'], 'crm.shop.svc.cluster.local': ['192.0.2.2'] };
  const resolver = 'nameserver 192.0.2.53\nsearch default.svc.cluster.local svc.cluster.local\noptions edns0 ndots:5\n';
  const inside = await start(t, names, { resolver });
  t.deepEqual(await inside.find('crm.shop'), ['192.0.2.2']);
  t.deepEqual(await inside.find('crm.shop.'), ['192.0.2.1']);
  const outside = await start(t, names, { resolver: 'search svc.cluster.local' });
  t.deepEqual(await outside.find('crm.shop'), ['192.0.2.1']);
  // Whether it is there nobody has said: no other name takes its place.
  const unsure = await start(t, { ...names, 'crm.shop.default.svc.cluster.local': 'silent' }, { resolver });
  const found = unsure.find('crm.shop');
  await until('it is asked for', () => unsure.asked.length >= 2);
  unsure.lookup.close();
  t.is(await found, 'ECANCELLED');
});

test.serial('connections of Node take it', async (t) => {
  const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const { lookup } = await start(t, { 'collector.test': ['127.0.0.1'] });
  const { port } = server.address() as AddressInfo;
  for (const family of [0, 4]) {
    const request = get({ host: 'collector.test', port, family, agent: false, lookup: toLookupFunction(lookup) });
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    t.is(response.statusCode, 200);
  }
  const refused = get({ host: 'collector.test', port, family: 6, agent: false, lookup: toLookupFunction(lookup) });
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  t.is(error.code, 'ENOTFOUND');
});
