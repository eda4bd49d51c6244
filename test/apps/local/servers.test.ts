import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { findLivePid, readProcessIdentity } from '../../../apps/local/servers/process-identity.ts';
import { startRedis } from '../../../apps/local/servers/redis.ts';
import { pidFileIn } from '../../../apps/local/servers/server-process.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { openRedis } from '../../support/open-redis.ts';

const serverModule = new URL('../../../apps/local/servers/redis.js', import.meta.url).href;

test('a private Redis keeps its data over a restart and is configured for the queue', async (t) => {
  const folder = await createTemporaryFolder('redis-restart');
  t.teardown(folder.remove);
  const first = await startRedis({ dir: folder.path });
  const client = openRedis(first.url);
  await client.set('key', 'value');
  t.deepEqual(await client.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction']);
  client.disconnect();
  await first.stop();
  t.false(existsSync(pidFileIn(folder.path)));

  const second = await startRedis({ dir: folder.path });
  t.teardown(second.stop);
  const again = openRedis(second.url);
  t.teardown(() => again.disconnect());
  t.is(await again.get('key'), 'value');
});

test('a server that a killed run left behind is found and ended by the next start', async (t) => {
  const folder = await createTemporaryFolder('redis-left');
  t.teardown(folder.remove);
  const script = `import { startRedis } from '${serverModule}'; await startRedis({ dir: '${folder.path}' }); process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  await once(child, 'exit');
  const leftPid = findLivePid(pidFileIn(folder.path));
  t.truthy(leftPid);

  const lines: string[] = [];
  const server = await startRedis({ dir: folder.path, ephemeral: true, log: (line) => lines.push(line) });
  t.teardown(server.stop);
  t.is(readProcessIdentity(leftPid ?? 0), undefined);
  t.is(lines.length, 1);
});

test('a pid file of a process that is not the same any more names nobody', async (t) => {
  const folder = await createTemporaryFolder('pid-file');
  t.teardown(folder.remove);
  t.is(findLivePid(join(folder.path, 'missing.json')), undefined);
  t.is(readProcessIdentity(process.pid), readProcessIdentity(process.pid));
  t.not(readProcessIdentity(process.pid), readProcessIdentity(process.ppid));
});

test('a server that cannot start says why and leaves nothing behind', async (t) => {
  const folder = await createTemporaryFolder('redis-broken');
  t.teardown(folder.remove);
  const error = await t.throwsAsync(startRedis({ dir: folder.path, args: ['--no-such-setting', 'x'] }));
  t.regex(error.message, /redis ended at once/);
  t.regex(error.message, /no-such-setting/);
  t.false(existsSync(pidFileIn(folder.path)));
});
