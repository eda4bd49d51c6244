import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import test from 'ava';
import type { Redis } from 'ioredis';
import { startRedis } from '../../../apps/local/servers/redis.ts';
import { createCertificates } from '../../support/certificates.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createFaultTable, runDoctor } from '../../support/doctor.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { startStack } from '../../support/stack.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { startTimeShift } from '../../support/time-shift.ts';
import { until } from '../../support/until.ts';
import { openRedis } from '../../support/open-redis.ts';

const onClose = closeAfterAll(test);
const table = createFaultTable('Redis', ['wechat_slow']);

await ensureServers(['redis']);
const folder = await createTemporaryFolder('doctor-redis');
onClose(() => folder.remove());
const dir = join(folder.path, 'redis');
mkdirSync(dir);
const ownDisk = mountSmallDisk(dir);
const start = (port?: number, keepsFile = true) =>
  startRedis({ dir, ephemeral: true, args: keepsFile ? ['--appendonly', 'yes'] : [], ...(port ? { port } : {}) });
let redis = await start();
onClose(() => redis.stop());
const proxy = await startTcpProxy({ port: redis.port, onClose });
const stack = await startStack({ onClose, env: { REDIS_URL: redis.url } });
/** The processes are at Redis itself, so that each fault on the doctor's own way there is told from one of theirs. */
const throughProxy = { ...stack.env, REDIS_URL: `redis://127.0.0.1:${proxy.port}` };

test.after.always((t) => t.log(table.render()));

/** A file system that is full after 8 MB; only root can have one. */
function mountSmallDisk(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', at], { stdio: 'ignore' });
    onClose(() => execFileSync('umount', ['--lazy', at]));
    return true;
  } catch {
    return false;
  }
}

async function withRedis(work: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = openRedis(redis.url);
  try {
    await work(client);
  } finally {
    client.disconnect();
  }
}

test.serial('nothing is wrong at first', async (t) => {
  const { status, findings } = await runDoctor(throughProxy);
  t.deepEqual(
    findings.filter(({ state }) => state !== 'ok'),
    [],
  );
  t.is(status, 0);
});

test.serial('the doctor calls a Redis behind a black hole silent', async (t) => {
  await proxy.blackHole();
  t.teardown(() => proxy.pass());
  await table.diagnose(t, 'Redis black-holed', throughProxy, {
    faults: ['redis_silent'],
    remedy: /firewall and network/,
  });
});

test.serial('the doctor calls a stopped Redis silent', async (t) => {
  redis.kill('SIGSTOP');
  t.teardown(() => redis.kill('SIGCONT'));
  await table.diagnose(t, 'Redis stopped', stack.env, { faults: ['redis_silent'], remedy: /stopped, swaps/ });
});

test.serial('a policy that evicts is a fault', async (t) => {
  await withRedis((client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru'));
  t.teardown(() => withRedis((client) => client.config('SET', 'maxmemory-policy', 'noeviction')));
  await table.diagnose(t, 'wrong Redis policy', stack.env, {
    faults: ['redis_policy'],
    remedy: /config set maxmemory-policy noeviction/,
  });
});

test.serial('a full memory is a fault, a nearly full one a warning', async (t) => {
  await withRedis((client) => client.config('SET', 'maxmemory', '1000000'));
  t.teardown(() => withRedis((client) => client.config('SET', 'maxmemory', '0')));
  await table.diagnose(t, 'Redis maxmemory reached', stack.env, {
    faults: ['redis_full'],
    remedy: /config set maxmemory <bytes>/,
  });
  await withRedis(async (client) => {
    const [, used] = /\r\nused_memory:(\d+)/.exec(await client.info('memory')) ?? [];
    await client.config('SET', 'maxmemory', String(Math.round(Number(used) * 1.06)));
  });
  await table.diagnose(t, 'Redis maxmemory nearly reached', stack.env, {
    warnings: ['redis_nearly_full'],
    remedy: /config set maxmemory <bytes>/,
  });
});

(ownDisk ? test.serial : test.serial.skip)('a full disk below the append-only file is a fault', async (t) => {
  const filler = join(dir, 'filler');
  t.throws(() => writeFileSync(filler, Buffer.alloc(16_000_000)), { code: 'ENOSPC' });
  await until('Redis has noticed', async () => {
    let refused = false;
    await withRedis(async (client) => {
      refused = await client.set('test:filler', 'x'.repeat(4000)).then(
        () => false,
        (error: Error) => error.message.startsWith('MISCONF'),
      );
    });
    return refused;
  });
  await table.diagnose(t, 'disk full for Redis AOF', stack.env, { faults: ['redis_disk'], remedy: /df -h/ });
  rmSync(filler);
  await until('Redis writes again', async () => {
    let status = '';
    await withRedis(async (client) => (status = await client.set('test:filler', '').catch(() => '')));
    return status === 'OK';
  });
});

test.serial('a password that is missing is a fault', async (t) => {
  await withRedis((client) => client.config('SET', 'requirepass', 'somethingelse'));
  await table.diagnose(t, 'wrong Redis password', throughProxy, { faults: ['redis_password'], remedy: /REDIS_URL/ });
  const client = openRedis(redis.url, { password: 'somethingelse' });
  await client.config('SET', 'requirepass', '');
  client.disconnect();
});

test.serial('a certificate that nobody vouches for is a fault', async (t) => {
  const { cert, keyFile } = (await createCertificates(t.teardown.bind(t)))('redis');
  const server = createTlsServer({ cert, key: readFileSync(keyFile) });
  t.teardown(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = { ...stack.env, REDIS_URL: `rediss://127.0.0.1:${(server.address() as AddressInfo).port}` };
  await table.diagnose(t, 'Redis with a wrong certificate', env, {
    faults: ['redis_tls'],
    remedy: /NODE_EXTRA_CA_CERTS/,
  });
});

test.serial('a clock of Redis that is off is a fault', async (t) => {
  const shifted = await startTimeShift({ port: redis.port, seconds: 60, onClose: t.teardown });
  await table.diagnose(
    t,
    'clock of Redis off',
    { ...stack.env, REDIS_URL: `redis://127.0.0.1:${shifted.port}` },
    {
      faults: ['clock_redis'],
      remedy: /NTP/,
    },
  );
});

test.serial('the doctor says that a Redis is gone, or came back empty', async (t) => {
  redis.kill('SIGKILL');
  await redis.exited;
  await table.diagnose(t, 'Redis away', stack.env, { faults: ['redis_down'], remedy: /Start Redis/ });
  rmSync(join(dir, 'appendonlydir'), { recursive: true, force: true });
  redis = await start(redis.port, false);
  await until('the processes are there again', async () => {
    const { findings } = await runDoctor(stack.env);
    return findings.every(({ state }) => state !== 'fault');
  });
  await table.diagnose(t, 'Redis restarted empty', stack.env, {
    warnings: ['redis_emptied', 'redis_no_aof'],
    remedy: /appendonly yes/,
  });
});
