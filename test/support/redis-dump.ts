import type { Redis } from 'ioredis';
import { callsPurpose, repliesPurpose } from '../../shared/rpc/contract.ts';
import { codeFailurePurpose, codeRecordPurpose, erasurePurpose, phonePurpose } from '../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../shared/rpc/seal.ts';

/** Every key of a Redis with all that it holds, as text, and what is sealed in it opened: to be searched. */
export async function readAllOfRedis(redis: Redis, seal: Seal): Promise<Map<string, string>> {
  const dump = new Map<string, string>();
  for (const key of (await redis.keys('*')).sort()) {
    const texts = flatten(await readValue(redis, key));
    const opened = texts.flatMap((text) => open(seal, key, text));
    dump.set(key, [key, ...texts, ...opened].join('\n'));
  }
  return dump;
}

async function readValue(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'string') return redis.get(key);
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  return type === 'none' ? '' : `a ${type}, which nobody reads here`;
}

function flatten(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...flatten(inner)]);
}

/** The shortest that is sealed: nonce, tag and a character, in base64. A name of a field and most values are none. */
const sealedForm = /[\w+/=-]{38,}/;

/** By every purpose that something is sealed for. */
function open(seal: Seal, key: string, text: string): string[] {
  if (!sealedForm.test(text)) return [];
  const instance = key.startsWith('wafer:replies:') ? key.slice('wafer:replies:'.length) : '';
  const jobId = key.slice(key.lastIndexOf(':') + 1);
  const job = readJob(text);
  const tries: [purpose: string, sealed: string][] = [
    [codeRecordPurpose(key), text.slice(1)],
    [codeFailurePurpose(key), text.slice(1)],
    [phonePurpose(key), text],
    [erasurePurpose(key), text],
    [repliesPurpose(instance), text],
    [callsPurpose(job.replyTo ?? '', jobId), job.calls ?? ''],
  ];
  return tries.flatMap(([purpose, sealed]) => {
    try {
      return [seal.open(purpose, sealed)];
    } catch {
      return [];
    }
  });
}

function readJob(text: string): { readonly replyTo?: string; readonly calls?: string } {
  try {
    return (JSON.parse(text) ?? {}) as { replyTo?: string; calls?: string };
  } catch {
    return {};
  }
}
