import { Cluster } from 'ioredis';
import type { Config } from '../../../shared/config/config.ts';
import type { RedisAddress } from '../../../shared/config/redis-url.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { CommandFailure } from '../result.ts';
import { connectReady, nameNodes } from '../stores.ts';
import { clockToleranceSeconds, describeDrift, fault, ok, warning, type Finding } from './finding.ts';

interface RedisNode {
  /** host:port */
  readonly name: string;
  readonly info: ReadonlyMap<string, string>;
  /** Seconds that its clock is ahead of ours. */
  readonly driftSeconds: number;
}

/** Reachability, version, eviction, persistence and clock of both roles of Redis. */
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
      checkVersion('redis', node),
      ...checkQueueMemory(node),
      checkPersistence(node),
      checkClock(node),
    ]),
    ...(ofCache?.findings ?? []),
    ...cacheNodes.flatMap((node) => [checkVersion('redis-cache', node), checkCacheMemory(node)]),
  ];
}

async function look(group: string, address: RedisAddress, variable: string) {
  const names = nameNodes(address);
  let client: RedisClient | undefined;
  try {
    client = await connectReady(address, variable);
    const masters = client instanceof Cluster ? client.nodes('master') : [client];
    const nodes = await Promise.all(
      masters.map(async (node): Promise<RedisNode> => {
        const { host = names, port = '' } = node.options;
        const name = address.kind === 'cluster' ? `${host}:${port}` : names;
        const info = parseInfo(await node.info());
        const sentAtMs = Date.now();
        const [seconds, microseconds] = await node.time();
        const ourMs = (sentAtMs + Date.now()) / 2;
        return { name, info, driftSeconds: Number(seconds) + Number(microseconds) / 1e6 - ourMs / 1000 };
      }),
    );
    return { nodes, findings: [ok(`${group}.reachable`, `${names} answers`)] };
  } catch (error) {
    const found =
      error instanceof CommandFailure
        ? error.message
        : `${names} does not do what it is asked to: ${(error as Error).message}`;
    const remedy = `Start it, or correct ${variable}. Try: ${redisCli(names)} ping`;
    return { nodes: [], findings: [fault(`${group}.reachable`, found, remedy)] };
  } finally {
    client?.disconnect();
  }
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

function checkQueueMemory({ name, info }: RedisNode): Finding[] {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const limit = Number(info.get('maxmemory'));
  const used = Number(info.get('used_memory'));
  const policyFinding =
    policy === 'noeviction'
      ? ok('redis.policy', `${name} evicts nothing`)
      : fault(
          'redis.policy',
          `maxmemory-policy of ${name} is ${policy}: it may throw away queued log-ins`,
          `${redisCli(name)} config set maxmemory-policy noeviction, and the same in redis.conf. A cache that evicts can have a server of its own: REDIS_CACHE_URL.`,
        );
  const isFull = limit > 0 && used > 0.9 * limit;
  const fullFinding = warning(
    'redis.memory',
    `${name} uses ${Math.round((used / limit) * 100)} % of its maxmemory`,
    `Give it more: ${redisCli(name)} config set maxmemory <bytes>`,
  );
  return isFull ? [policyFinding, fullFinding] : [policyFinding];
}

function checkCacheMemory({ name, info }: RedisNode): Finding {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const check = 'redis-cache.memory';
  if (Number(info.get('maxmemory')) > 0 && policy !== 'noeviction')
    return ok(check, `${name} evicts by ${policy} when it is full`);
  return warning(
    check,
    `${name} has maxmemory ${info.get('maxmemory_human') ?? 'unknown'} and the policy ${policy}: a cache should have a limit and evict`,
    `${redisCli(name)} config set maxmemory 1gb, then config set maxmemory-policy allkeys-lru, and the same in redis.conf`,
  );
}

function checkPersistence({ name, info }: RedisNode): Finding {
  const check = 'redis.persistence';
  if (info.get('aof_enabled') === '1') return ok(check, `${name} keeps an append-only file`);
  return warning(
    check,
    `${name} keeps no append-only file: a restart forgets log-ins in flight and visits of the last seconds; sessions are safe in MySQL`,
    `${redisCli(name)} config set appendonly yes, and the same in redis.conf`,
  );
}

function checkClock({ name, driftSeconds }: RedisNode): Finding {
  const found = `the clock of ${name} is ${describeDrift(driftSeconds)}`;
  return Math.abs(driftSeconds) <= clockToleranceSeconds
    ? ok('redis.clock', found)
    : warning('redis.clock', found, 'Let both machines set their clocks by NTP: timedatectl set-ntp true');
}

function redisCli(names: string): string {
  const [, host = names, port = '6379'] = /^(.+?):(\d+)/.exec(names) ?? [];
  return `redis-cli -h ${host} -p ${port}`;
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
