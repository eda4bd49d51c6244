import { queueTag } from '../../../shared/rpc/contract.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';
import type { Outcome } from '../../../shared/protocol/outcome.ts';

/**
 * What became of each code, so that none is exchanged twice (PROTOCOL.md, 7). Before WeChat is asked the code is claimed; WeChat's
 * answer is recorded together with the id and skey that it leads to, before the session is written; the outcome is kept for those
 * who ask the same again. A log-in that runs again after a crash goes on from what it finds here.
 */
export interface CodeLedger {
  claim(code: CodeKey): Promise<Claim>;
  /** Before WeChat is asked once more because it was busy. False: the claim is another's by now, or both tries are used up. */
  askAgain(code: CodeKey): Promise<boolean>;
  /** WeChat's answer is known. False: the claim is another's by now, and so is the log-in. */
  record(code: CodeKey, record: CodeRecord): Promise<boolean>;
  /** WeChat was not asked after all: whoever brings the code next may ask. */
  release(code: CodeKey): Promise<void>;
  /** The outcome is known: it answers the same request from now on, and the record is not needed any more. */
  conclude(code: CodeKey, outcome: Outcome): Promise<void>;
}

/** A code and the request that brought it, by fingerprints. */
export interface CodeKey {
  readonly key: string;
  /** Of code and user data together: the same code with other data is refused. */
  readonly requestFingerprint: string;
  /** Whoever runs this log-in; random. */
  readonly owner: string;
}

/** WeChat's answer, and the session that it leads to however often the write runs. */
export interface CodeRecord {
  readonly openId: string;
  readonly sessionKey: string;
  readonly unionId?: string;
  readonly expiresIn?: number | string;
  /** The id of the session if the user is new. */
  readonly newId: string;
  readonly skey: string;
}

type Claim =
  /** Ask WeChat. `fence` orders log-ins by their first claim, in microseconds of Redis's clock. */
  | { readonly kind: 'ask'; readonly fence: number; readonly redisMs: number }
  | { readonly kind: 'recorded'; readonly fence: number; readonly redisMs: number; readonly record: CodeRecord }
  | { readonly kind: 'concluded'; readonly outcome: Outcome }
  /** Another process is asking. */
  | { readonly kind: 'wait' }
  /** Known, with other user data. */
  | { readonly kind: 'other-request' }
  /** Two askers died without recording an answer. */
  | { readonly kind: 'interrupted' };

/** A code is valid for five minutes; it is remembered for twice as long, so that none comes back to WeChat. */
const rememberedMs = 600_000;
/** For this long the same request gets the same answer; later the code is just a used one. */
const sharedMs = 120_000;
const maxAsks = 2;

const claimScript = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = us / 1000
local code = redis.call('HMGET', KEYS[1], 'request', 'at', 'fence', 'asks', 'record', 'outcome', 'concluded')
local ms = string.format('%.0f', now)
if not code[1] then
  local fence = string.format('%.0f', us)
  redis.call('HSET', KEYS[1], 'request', ARGV[1], 'owner', ARGV[2], 'at', ms, 'fence', fence, 'asks', 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'ask', fence, ms}
end
if code[1] ~= ARGV[1] then return {'other-request'} end
if code[6] then
  if now - tonumber(code[7]) > tonumber(ARGV[5]) then return {'other-request'} end
  return {'concluded', code[6]}
end
if code[5] then
  redis.call('HSET', KEYS[1], 'owner', ARGV[2])
  return {'recorded', code[3], ms, code[5]}
end
if now - tonumber(code[2]) < tonumber(ARGV[3]) then return {'wait'} end
if tonumber(code[4]) >= tonumber(ARGV[6]) then return {'interrupted'} end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'at', ms, 'asks', code[4] + 1)
return {'ask', code[3], ms}`;

const askAgainScript = `
local code = redis.call('HMGET', KEYS[1], 'owner', 'asks')
if code[1] ~= ARGV[1] or tonumber(code[2]) >= tonumber(ARGV[2]) then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', time[1] * 1000 + time[2] / 1000), 'asks', code[2] + 1)
return 1`;

const recordScript = `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[2])
return 1`;

const concludeScript = `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'outcome', ARGV[2], 'concluded', string.format('%.0f', time[1] * 1000 + time[2] / 1000))
redis.call('HDEL', KEYS[1], 'record')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;

const releaseScript = `
local code = redis.call('HMGET', KEYS[1], 'owner', 'asks')
if code[1] ~= ARGV[1] then return 0 end
if tonumber(code[2]) <= 1 then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'owner', '', 'at', 0, 'asks', code[2] - 1)
return 1`;

/** Where a code is kept: in the slot of its queue. */
export function codeKeyOf(seal: Seal, shard: number, appid: string, code: string): string {
  return `${queueTag('login', shard)}:code:${seal.fingerprint(appid, code)}`;
}

/** @param takeOverAfterMs WeChat's time-out: a claim without a record that is older has lost its owner */
export function createCodeLedger(client: RedisClient, seal: Seal, takeOverAfterMs: number): CodeLedger {
  const claim = defineScript(client, 'waferClaimCode', claimScript);
  const askAgain = defineScript(client, 'waferAskAgain', askAgainScript);
  const record = defineScript(client, 'waferRecordCode', recordScript);
  const release = defineScript(client, 'waferReleaseCode', releaseScript);
  const conclude = defineScript(client, 'waferConcludeCode', concludeScript);
  return {
    async claim({ key, requestFingerprint, owner }) {
      const args = [requestFingerprint, owner, takeOverAfterMs, rememberedMs, sharedMs, maxAsks];
      const [kind, ...rest] = (await claim([key], args)) as [Claim['kind'], ...string[]];
      const [first, redisMs, sealed] = rest as [string, string, string];
      if (kind === 'ask') return { kind, fence: Number(first), redisMs: Number(redisMs) };
      if (kind === 'concluded') return { kind, outcome: JSON.parse(seal.open(`outcome ${key}`, first)) as Outcome };
      if (kind === 'recorded') {
        return {
          kind,
          fence: Number(first),
          redisMs: Number(redisMs),
          record: JSON.parse(seal.open(`record ${key}`, sealed)) as CodeRecord,
        };
      }
      return { kind };
    },
    askAgain: async ({ key, owner }) => (await askAgain([key], [owner, maxAsks])) === 1,
    record: async ({ key, owner }, answer) =>
      (await record([key], [owner, seal.seal(`record ${key}`, JSON.stringify(answer))])) === 1,
    async release({ key, owner }) {
      await release([key], [owner]);
    },
    async conclude({ key, owner }, outcome) {
      await conclude([key], [owner, seal.seal(`outcome ${key}`, JSON.stringify(outcome)), rememberedMs]);
    },
  };
}
