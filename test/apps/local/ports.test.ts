import test from 'ava';
import { findFreePort } from '../../../apps/local/servers/ports.ts';

test('no port is told twice, though none is taken in between', async (t) => {
  const ports = new Set<number>();
  // By chance alone one of so many would come again.
  for (let count = 0; count < 1000; count++) ports.add(await findFreePort());
  t.is(ports.size, 1000);
});
