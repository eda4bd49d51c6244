import type { RedisClient } from '../redis/connect.ts';
import { defineScript } from '../redis/script.ts';
import { fail } from '../protocol/outcome.ts';
import { codeFailurePurpose, phonePurpose } from '../rpc/ledger-keys.ts';
import type { Seal } from '../rpc/seal.ts';
import { createSessionCache } from '../session/session-cache.ts';
import { createVisitLog } from '../session/visit-log.ts';
import type { Traces } from './order.ts';
import { visitTraces } from './redis-traces.ts';

/** What was found of persons in Redis. */
export interface SweptRedis {
  /** WeChat's answers to codes. */
  readonly codes: number;
  readonly phoneNumbers: number;
  readonly calls: number;
  readonly replies: number;
}

/** What a code that is asked for again comes to: it is spent, and its user has to get another one. */
const codeUsed = JSON.stringify(fail('codeRefused', 'code_used'));

/** Changes a field only if it is still as it was read. */
const replaceScript = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** A message goes; the replies in it that are of others come again, and who has read them already takes no notice. */
const replaceMessageScript = `
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('XADD', KEYS[1], '*', 'r', ARGV[2]) end
return 1`;

/** Takes persons out of both Redis. */
export async function sweepRedis(
  stores: { readonly commands: RedisClient; readonly cacheRedis: RedisClient; readonly seal: Seal },
  people: readonly Traces[],
): Promise<SweptRedis> {
  const { commands, seal } = stores;
  const replace = defineScript(commands, 'waferReplaceField', replaceScript);
  const replaceMessage = defineScript(commands, 'waferReplaceMessage', replaceMessageScript);
  const swept = { codes: 0, phoneNumbers: 0, calls: 0, replies: 0 };
  const whole = people.filter(({ part }) => part === 'everything');

  await createVisitLog(commands).forget([...new Set(whole.flatMap(({ rows }) => rows))]);
  await visitTraces(stores, people, {
    async code({ key, stored }) {
      const failure = `f${seal.seal(codeFailurePurpose(key), codeUsed)}`;
      if ((await replace([key], ['answer', stored, failure])) === 1) swept.codes++;
    },
    async phone({ key, stored }) {
      const failure = seal.seal(phonePurpose(key), codeUsed);
      if ((await replace([key], ['outcome', stored, failure])) === 1) swept.phoneNumbers++;
    },
    async calls({ key, stored, job, purpose, theirs, others }) {
      const rest = JSON.stringify({ ...job, calls: seal.seal(purpose, JSON.stringify(others)) });
      if ((await replace([key], ['data', stored, rest])) === 1) swept.calls += theirs.length;
    },
    async replies({ key, id, purpose, theirs, others }) {
      const rest = others.length === 0 ? '' : seal.seal(purpose, JSON.stringify(others));
      if ((await replaceMessage([key], [id, rest])) === 1) swept.replies += theirs.length;
    },
  });
  await clearCachedSessions(stores.cacheRedis, [...new Set(people.flatMap(({ ids }) => ids))]);
  return swept;
}

async function clearCachedSessions(cacheRedis: RedisClient, ids: readonly string[]): Promise<void> {
  const cache = createSessionCache(cacheRedis);
  await cache.withdraw(ids, await cache.mark(ids));
}
