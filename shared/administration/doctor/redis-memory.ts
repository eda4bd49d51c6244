import { fault, ok, warning, type Finding } from './finding.ts';
import { redisCli } from './redis-fault.ts';
import type { RedisNode } from './redis-node.ts';

const nearlyFull = 0.9;

/** A queue must never lose anything: no eviction, and room. */
export function checkQueueMemory(node: RedisNode): Finding[] {
  const { name, info } = node;
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const policyFinding =
    policy === 'noeviction'
      ? ok('redis.policy', `${name} evicts nothing`)
      : fault(
          'redis.policy',
          `maxmemory-policy of ${name} is ${policy}: it may throw away queued log-ins`,
          `${redisCli(name)} config set maxmemory-policy noeviction, and the same in redis.conf. A cache that evicts can have a server of its own: REDIS_CACHE_URL.`,
          'redis_policy',
        );
  return [policyFinding, ...checkRoom('redis', node)];
}

export function checkCacheMemory(node: RedisNode): Finding[] {
  const { name, info } = node;
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const check = 'redis-cache.memory';
  if (Number(info.get('maxmemory')) > 0 && policy !== 'noeviction')
    return [ok(check, `${name} evicts by ${policy} when it is full`)];
  const unlimited = warning(
    check,
    `${name} has maxmemory ${info.get('maxmemory_human') ?? 'unknown'} and the policy ${policy}: a cache should have a limit and evict`,
    `${redisCli(name)} config set maxmemory 1gb, then config set maxmemory-policy allkeys-lru, and the same in redis.conf`,
    'redis_policy',
  );
  return [unlimited, ...(policy === 'noeviction' ? checkRoom('redis-cache', node) : [])];
}

function checkRoom(group: string, { name, info, writeFailure }: RedisNode): Finding[] {
  const limit = Number(info.get('maxmemory'));
  const used = Number(info.get('used_memory'));
  const isFull = writeFailure?.startsWith('OOM') === true;
  if (!isFull && (limit === 0 || used <= nearlyFull * limit)) return [];
  const remedy = `Give it more: ${redisCli(name)} config set maxmemory <bytes>, and the same in redis.conf. What fills it: ${redisCli(name)} --bigkeys; npx wafer queue show`;
  const share = `${name} uses ${Math.round((used / limit) * 100)} % of its maxmemory`;
  return isFull
    ? [fault(`${group}.memory`, `${share} and takes no more (OOM): no log-in can be queued`, remedy, 'redis_full')]
    : [warning(`${group}.memory`, share, remedy, 'redis_nearly_full')];
}
