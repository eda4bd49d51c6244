import { setTimeout as sleep } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import { findFreePort, isPortFree } from '../../apps/local/servers/ports.ts';
import type { OnClose } from './closing.ts';
import { startTestRedis, type TestRedis } from './redis-server.ts';
import { openRedis } from './open-redis.ts';

const masterCount = 3;
const slotCount = 16384;
/** The nodes of a cluster talk on port + 10000. */
const busPortOffset = 10_000;
const formTimeoutMs = 30_000;
const startAttempts = 3;

export interface TestRedisCluster {
  /** redis+cluster://h:p,h:p,h:p */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  readonly close: () => Promise<void>;
}

/** Three masters, no replicas, every slot served. */
export async function startTestRedisCluster({ onClose }: { onClose?: OnClose } = {}): Promise<TestRedisCluster> {
  const nodes = await startNodes();
  const close = async () => void (await Promise.all(nodes.map((node) => node.close())));
  try {
    await formCluster(nodes);
  } catch (error) {
    await close();
    throw error;
  }
  onClose?.(close);
  return { url: `redis+cluster://${nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`, nodes, close };
}

async function startNodes(): Promise<TestRedis[]> {
  const nodes: TestRedis[] = [];
  try {
    for (let index = 0; index < masterCount; index++) nodes.push(await startClusterNode());
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.close()));
    throw error;
  }
}

/** One more node, which belongs to no cluster yet. */
export async function startClusterNode(): Promise<TestRedis> {
  for (let attempt = 1; ; attempt++) {
    const port = await findClusterPort();
    try {
      return await startTestRedis({
        port,
        args: ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '5000'],
      });
    } catch (error) {
      // Somebody else may have taken one of the two ports in between.
      if (attempt === startAttempts) throw error;
    }
  }
}

async function findClusterPort(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    const busPort = port + busPortOffset;
    if (busPort <= 65535 && (await isPortFree(busPort, '127.0.0.1'))) return port;
  }
}

async function formCluster(nodes: readonly TestRedis[]): Promise<void> {
  const clients = nodes.map((node) => openRedis(node.url));
  try {
    const slotsPerNode = Math.ceil(slotCount / nodes.length);
    for (const [index, client] of clients.entries()) {
      const last = Math.min((index + 1) * slotsPerNode, slotCount) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', index * slotsPerNode, last);
      // Different epochs from the start, or the masters would first have to settle collisions.
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }
    for (const node of nodes.slice(1)) await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', node.port);
    await Promise.all(clients.map((client) => waitUntilFormed(client, nodes.length)));
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function waitUntilFormed(client: Redis, nodeCount: number): Promise<void> {
  const wanted = ['cluster_state:ok', `cluster_slots_ok:${slotCount}`, `cluster_known_nodes:${nodeCount}`];
  const giveUpAt = Date.now() + formTimeoutMs;
  for (;;) {
    const info = String(await client.call('CLUSTER', 'INFO'));
    if (wanted.every((line) => info.includes(`${line}\r`))) return;
    if (Date.now() > giveUpAt) throw new Error(`The Redis Cluster did not form:\n${info}`);
    await sleep(50);
  }
}
