import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { getBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { canConnect } from '../support/can-connect.ts';
import { createFaultTable } from '../support/doctor.ts';
import { startTestRedisCluster } from '../support/redis-cluster.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const table = createFaultTable('Redis Cluster and Sentinel', ['redis_no_aof', 'wechat_slow']);
test.after.always((t) => t.log(table.render()));

test.serial('a master of a cluster that is down is named', async (t) => {
  const cluster = await startTestRedisCluster({ onClose: t.teardown });
  const stack = await startStack({ onClose: t.teardown, webs: 0, workers: 0, env: { REDIS_URL: cluster.url } });
  const [any] = cluster.nodes;
  const client = new Redis(any?.url as string);
  const slot = await client.cluster('KEYSLOT', 'wafer:presence');
  client.disconnect();
  // Then nobody knows which processes there are.
  const master = cluster.nodes[Math.floor(slot / Math.ceil(16_384 / cluster.nodes.length))];
  master?.kill('SIGKILL');
  await master?.exited;
  const { findings } = await table.diagnose(t, 'master of a Redis Cluster killed', stack.env, {
    faults: ['redis_master_down'],
    remedy: /cluster nodes/,
  });
  t.regex(findings.find(({ cause }) => cause === 'redis_master_down')?.found ?? '', new RegExp(`:${master?.port} `));
});

test.serial("a Sentinel's master that is down is named, and so are Sentinels that are silent", async (t) => {
  const master = await startTestRedis({ onClose: t.teardown });
  const folder = await createTemporaryFolder('sentinel');
  t.teardown(() => folder.remove());
  const configuration = join(folder.path, 'sentinel.conf');
  const port = await findFreePort();
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds main 1000',
  ];
  writeFileSync(configuration, `${lines.join('\n')}\n`);
  const sentinel = await startServerProcess({
    name: 'sentinel',
    binary: getBinary('redis-server'),
    args: [configuration, '--sentinel'],
    dir: folder.path,
    isReady: () => canConnect(port),
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGKILL',
  });
  t.teardown(() => sentinel.stop());
  const url = (name: string) => `redis+sentinel://127.0.0.1:${port}/${name}`;
  const stack = await startStack({ onClose: t.teardown, webs: 0, workers: 0, env: { REDIS_URL: url('main') } });
  await table.diagnose(
    t,
    'Sentinel: wrong name of the master',
    { ...stack.env, REDIS_URL: url('other') },
    {
      faults: ['redis_master_unknown'],
      remedy: /sentinel masters/,
    },
  );
  master.kill('SIGKILL');
  await master.exited;
  const { findings } = await table.diagnose(t, "a Sentinel's master killed", stack.env, {
    faults: ['redis_master_down'],
    remedy: /ckquorum main/,
  });
  t.regex(findings.find(({ cause }) => cause === 'redis_master_down')?.found ?? '', new RegExp(`:${master.port} `));
  await sentinel.stop();
  await table.diagnose(t, 'all Sentinels down', stack.env, {
    faults: ['redis_sentinels_down'],
    remedy: /Start 127/,
  });
});
