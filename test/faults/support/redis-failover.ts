import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { getBinary } from '../../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../../apps/local/servers/server-process.ts';
import { canConnect } from '../../support/can-connect.ts';
import type { OnClose } from '../../support/closing.ts';
import { startClusterNode, startTestRedisCluster } from '../../support/redis-cluster.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

/** A Redis that gets over the death of a master by itself. */
export interface FailoverRedis {
  /** Form of REDIS_URL. */
  readonly url: string;
  /** SIGKILL to the master that has the log-ins. */
  killMaster(): Promise<void>;
  /** Resolves when the replica has taken over. */
  takenOver(): Promise<void>;
}

const silentAfterMs = 1000;
/** A key in the slot of the log-ins' queue. */
const loginKey = '{wafer:login:0}';
const failoverTimeoutMs = 30_000;

export async function startClusterWithReplica(onClose: OnClose): Promise<FailoverRedis> {
  const cluster = await startTestRedisCluster({ onClose });
  const replica = await startClusterNode();
  onClose(() => replica.close());
  const clients = [...cluster.nodes, replica].map(({ port }) => connectTo(port));
  onClose(async () => clients.forEach((client) => client.disconnect()));
  for (const client of clients) await client.config('SET', 'cluster-node-timeout', String(silentAfterMs));

  const [first] = clients as [Redis];
  const slot = Number(await first.call('CLUSTER', 'KEYSLOT', loginKey));
  const ranges = (await first.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
  const [, , [, port, masterId]] = ranges.find(([from, to]) => slot >= from && slot <= to) as (typeof ranges)[number];
  const own = clients.at(-1) as Redis;
  await own.call('CLUSTER', 'MEET', '127.0.0.1', port);
  await until('the replica knows its master', () =>
    own.call('CLUSTER', 'REPLICATE', masterId).then(
      () => true,
      () => false,
    ),
  );
  await until('the replica is in step', () => hasReplicated(own));
  return {
    url: cluster.url,
    killMaster: async () => cluster.nodes.find((node) => node.port === port)?.kill('SIGKILL'),
    takenOver: () => until('the replica has taken over', async () => isMaster(own), failoverTimeoutMs),
  };
}

export async function startSentinels(onClose: OnClose): Promise<FailoverRedis> {
  const master = await startTestRedis({ onClose });
  const replica = await startTestRedis({ onClose, args: ['--replicaof', '127.0.0.1', String(master.port)] });
  const own = connectTo(replica.port);
  onClose(async () => own.disconnect());
  await until('the replica is in step', () => hasReplicated(own));
  const ports: number[] = [];
  for (let count = 0; count < 3; count++) ports.push(await startSentinel(onClose, master.port));
  for (const port of ports) {
    const sentinel = connectTo(port);
    const knowsAll = async () => {
      const info = await sentinel.info('sentinel');
      return info.includes('slaves=1,sentinels=3');
    };
    await until('the sentinels know each other', knowsAll, failoverTimeoutMs).finally(() => sentinel.disconnect());
  }
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/wafer`,
    killMaster: async () => master.kill('SIGKILL'),
    takenOver: () => until('the replica has taken over', async () => isMaster(own), failoverTimeoutMs),
  };
}

async function startSentinel(onClose: OnClose, masterPort: number): Promise<number> {
  const folder = await createTemporaryFolder('sentinel');
  onClose(folder.remove);
  const port = await findFreePort();
  const file = join(folder.path, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor wafer 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds wafer ${silentAfterMs}`,
    'sentinel failover-timeout wafer 5000',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const server = await startServerProcess({
    name: 'sentinel',
    binary: getBinary('redis-server'),
    args: [file, '--sentinel'],
    dir: folder.path,
    isReady: () => canConnect(port),
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGKILL',
  });
  onClose(() => server.stop());
  return port;
}

function connectTo(port: number): Redis {
  const client = new Redis(port, '127.0.0.1');
  // That of the killed master goes on trying; nobody needs to hear of it.
  client.on('error', () => {});
  return client;
}

async function isMaster(client: Redis): Promise<boolean> {
  return (await client.info('replication')).includes('role:master');
}

async function hasReplicated(client: Redis): Promise<boolean> {
  return (await client.info('replication')).includes('master_link_status:up');
}
