import type { Redis } from 'ioredis';

import type { OnClose } from '../../support/closing.ts';
import { startClusterNode, startTestRedisCluster } from '../../support/redis-cluster.ts';
import { startTestSentinel } from '../../support/redis-sentinel.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { openRedis } from '../../support/open-redis.ts';

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
    takenOver: async () =>
      void (await until('the replica has taken over', async () => isMaster(own), failoverTimeoutMs)),
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
    takenOver: async () =>
      void (await until('the replica has taken over', async () => isMaster(own), failoverTimeoutMs)),
  };
}

async function startSentinel(onClose: OnClose, masterPort: number): Promise<number> {
  const settings = { 'down-after-milliseconds': silentAfterMs, 'failover-timeout': 5000 };
  const sentinel = await startTestSentinel({ onClose, masterName: 'wafer', masterPort, quorum: 2, settings });
  return sentinel.port;
}

function connectTo(port: number): Redis {
  const client = openRedis(`redis://127.0.0.1:${port}`);
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
