import { Cluster } from 'ioredis';
import type { Config } from '../../config/config.ts';
import type { RedisAddress } from '../../config/redis-url.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { AdministrationFailure } from '../failure.ts';
import { nameNodes } from '../../redis/failure.ts';
import { connectReady } from '../stores.ts';
import { judgeClock, thisMachine } from './clocks.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { checkCluster } from './redis-cluster.ts';
import { checkPersistence, checkWriting } from './redis-disk.ts';
import { describeRedisFailure } from './redis-fault.ts';
import { checkCacheMemory, checkQueueMemory } from './redis-memory.ts';
import { readNode, type RedisNode } from './redis-node.ts';
import { checkSentinels } from './redis-sentinel.ts';

/** Reachability, version, memory, eviction, persistence and clock of both roles of Redis. */
export async function checkRedis({ queue, cache }: Config['redis']): Promise<Finding[]> {
  const isOneAddress = JSON.stringify(queue) === JSON.stringify(cache);
  const [ofQueue, ofCache] = await Promise.all([
    look('redis', queue, 'REDIS_URL'),
    isOneAddress ? undefined : look('redis-cache', cache, 'REDIS_CACHE_URL'),
  ]);
  const runIds = new Set(ofQueue.nodes.map(({ info }) => info.get('run_id')));
  // Two databases of one server share its policy, and then the queue's needs come first.
  const cacheNodes = ofCache?.nodes.filter(({ info }) => !runIds.has(info.get('run_id'))) ?? [];
  return [
    ...ofQueue.findings,
    ...ofQueue.nodes.flatMap((node) => [
      ...(node.info.size === 0
        ? [notInformed('redis', node, 'REDIS_URL')]
        : [checkVersion('redis', node), ...checkQueueMemory(node), checkPersistence(node)]),
      ...checkWriting('redis', node),
      checkClock(node),
    ]),
    ...(ofCache?.findings ?? []),
    ...cacheNodes.flatMap((node) => [
      ...(node.info.size === 0
        ? [notInformed('redis-cache', node, 'REDIS_CACHE_URL')]
        : [checkVersion('redis-cache', node), ...checkCacheMemory(node)]),
      ...checkWriting('redis-cache', node),
    ]),
  ];
}

interface Look {
  readonly nodes: readonly RedisNode[];
  readonly findings: readonly Finding[];
}

async function look(group: string, address: RedisAddress, variable: string): Promise<Look> {
  const [{ nodes, findings }, ofTopology] = await Promise.all([
    readMasters(group, address, variable),
    address.kind === 'cluster'
      ? checkCluster(group, address)
      : address.kind === 'sentinel'
        ? checkSentinels(group, address, variable)
        : [],
  ]);
  // That no command gets through is only what follows from a master that is down.
  const isExplained = ofTopology.some(({ state }) => state === 'fault');
  return { nodes, findings: [...findings.filter(({ state }) => state === 'ok' || !isExplained), ...ofTopology] };
}

async function readMasters(group: string, address: RedisAddress, variable: string): Promise<Look> {
  const names = nameNodes(address);
  let client: RedisClient | undefined;
  try {
    client = await connectReady(address, variable);
    const masters = client instanceof Cluster ? client.nodes('master') : [client];
    const answers = await Promise.allSettled(
      masters.map((node) => {
        const { host = names, port = '' } = node.options;
        return readNode(node, address.kind === 'cluster' ? `${host}:${port}` : names);
      }),
    );
    const nodes = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const [failed] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
    const reachable =
      failed === undefined
        ? ok(`${group}.reachable`, `${names} answers`)
        : describeRedisFailure({ group, names, variable }, failed.message);
    return { nodes, findings: [reachable] };
  } catch (error) {
    const { message } = error instanceof AdministrationFailure ? (error.cause as Error) : (error as Error);
    return { nodes: [], findings: [describeRedisFailure({ group, names, variable }, message)] };
  } finally {
    client?.disconnect();
  }
}

function notInformed(group: string, { name }: RedisNode, variable: string): Finding {
  return warning(
    `${group}.version`,
    `${name}: the user may not call INFO, so version, memory, eviction and persistence are not checked`,
    `Give the user of ${variable} this right: acl setuser <user> +info. Log-ins and checks do without.`,
    'redis_no_info',
  );
}

function checkVersion(group: string, { name, info }: RedisNode): Finding {
  const version = info.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isValkey = info.has('valkey_version');
  const found = `${name} is ${isValkey ? `Valkey ${info.get('valkey_version')}, compatible with ` : ''}Redis ${version || 'of an unknown version'}`;
  return major > 6 || (major === 6 && minor >= 2)
    ? ok(`${group}.version`, found)
    : fault(`${group}.version`, `${found}; the queue needs 6.2 or newer`, 'Install Redis 6.2 or newer, or Valkey.');
}

function checkClock({ name, driftSeconds }: RedisNode): Finding {
  return judgeClock('redis.clock', {
    whose: name,
    seconds: driftSeconds,
    reference: thisMachine,
    cause: 'clock_redis',
  });
}
