import { fault, ok, warning, type Finding } from './finding.ts';
import { redisCli } from './redis-fault.ts';
import type { RedisNode } from './redis-node.ts';

/** Whether it writes at all; a full memory is found elsewhere. */
export function checkWriting(group: string, { name, info, writeFailure }: RedisNode): Finding[] {
  const check = `${group}.writable`;
  const diskFailed = info.get('aof_last_write_status') === 'err' || info.get('rdb_last_bgsave_status') === 'err';
  if (writeFailure?.startsWith('MISCONF') === true || diskFailed) {
    const what = info.get('aof_last_write_status') === 'err' ? 'its append-only file' : 'its snapshot';
    const effect = writeFailure === undefined ? 'it still takes commands' : 'it refuses every write: nobody can log in';
    const judge = writeFailure === undefined ? warning : fault;
    return [
      judge(
        check,
        `${name} can not write ${what}: ${effect}`,
        `Make room on its disk (df -h; ${redisCli(name)} config get dir) or repair it; it goes on by itself then. Its log names the error.`,
        'redis_disk',
      ),
    ];
  }
  if (writeFailure === undefined) return [ok(check, `${name} takes writes`)];
  if (writeFailure.startsWith('OOM')) return [];
  if (writeFailure.startsWith('READONLY')) {
    return [
      fault(
        check,
        `${name} is a replica that only reads`,
        'Name the master, or name the Sentinels (redis+sentinel://…/name) so that a failover is followed.',
        'redis_read_only',
      ),
    ];
  }
  return [
    fault(
      check,
      `${name} refuses a write: ${writeFailure}`,
      'Look at its log, and at the rights of the user (ACL).',
      'redis_refuses_writes',
    ),
  ];
}

export function checkPersistence({ name, info }: RedisNode): Finding {
  const check = 'redis.persistence';
  if (info.get('aof_enabled') === '1') return ok(check, `${name} keeps an append-only file`);
  return warning(
    check,
    `${name} keeps no append-only file: a restart forgets log-ins in flight and visits of the last seconds; sessions are safe in MySQL`,
    `${redisCli(name)} config set appendonly yes, and the same in redis.conf`,
    'redis_no_aof',
  );
}
