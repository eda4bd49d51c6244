import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { platform } from 'node:os';
import test from 'ava';
import { findFreePort } from '../../../apps/local/servers/ports.ts';

test.serial('no port is told twice, though none is taken in between', async (t) => {
  const ports = new Set<number>();
  for (let count = 0; count < 1000; count++) ports.add(await findFreePort());
  t.is(ports.size, 1000);
});

test.serial('a port that another server has is not told', async (t) => {
  const before = await findFreePort();
  const server = createServer().listen(before + 1, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.not(await findFreePort(), before + 1);
});

(platform() === 'linux' ? test.serial : test.skip)('no outgoing connection takes a port that was told', async (t) => {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const [first = 0, last = 0] = range.split('\t').map(Number);
  const port = await findFreePort();
  // Some machines give nearly all ports to outgoing connections.
  t.true(first < 30_000 || port < first || port > last);
});
