import { queueTag } from '../../../shared/rpc/contract.ts';
import { lockDurationMs } from '../../../shared/rpc/server.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineKeyScript, defineScript } from '../../../shared/redis/script.ts';
import type { Failure } from '../../../shared/protocol/outcome.ts';

/**
 * What became of each code, so that none is exchanged twice (docs/protocol.md#code). Before WeChat is asked the code is
 * claimed; WeChat's answer is recorded together with the id and skey that it leads to, before the session is written. A
 * log-in that runs again, after a crash or because somebody asks the same once more, goes on from what it finds here
 * and comes to the same answer.
 */
export interface CodeLedger {
  claim(code: CodeKey, run: ClaimingRun): Promise<Claim>;
  /** Before WeChat is asked once more because it was busy. False: the claim is another's by now, or both tries are used up. */
  askAgain(code: CodeKey): Promise<boolean>;
  /** WeChat's answer is known. False: the claim is another's by now, and so is the log-in. */
  record(code: CodeKey, fence: number, record: CodeRecord): Promise<boolean>;
  /** WeChat's answer is a refusal, or there is none: it answers the same request from now on. */
  refuse(code: CodeKey, fence: number, failure: Failure): Promise<void>;
  /** WeChat was not asked after all: the next request with this code may ask. */
  release(code: CodeKey): Promise<void>;
}

interface ClaimingRun {
  /** The run before this one has died: its claim need not be waited for, unless it is too young to be that one's. */
  readonly ownerIsDead: boolean;
  /** The request was made by then, in microseconds of Redis's clock. */
  readonly madeByUs: number | undefined;
}

/** A code and the request that brought it, by fingerprints. */
export interface CodeKey {
  readonly key: string;
  /** Of code, user data and caller together: the same code with other data, or through another caller, is refused. */
  readonly requestFingerprint: string;
  /** Names the run of this log-in; random. */
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
  /**
   * Ask WeChat. `fence` orders log-ins, in microseconds of Redis's clock: the time of the first claim, or of the request if it lay
   * about before that. So a log-in that a failed Redis brings back late never ends the session of its user's next one.
   */
  | { readonly kind: 'ask'; readonly fence: number }
  | { readonly kind: 'recorded'; readonly fence: number; readonly record: CodeRecord }
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Another process is asking. */
  | { readonly kind: 'wait' }
  /** Known, with other user data, through another caller, or answered long ago. */
  | { readonly kind: 'other-request' }
  /** Two askers died without recording an answer. */
  | { readonly kind: 'interrupted' };

/** A code is valid for five minutes; it is remembered for twice as long, so that none comes back to WeChat. */
const rememberedMs = 600_000;
/** So long after the answer the same request gets the same: as long as clients repeat it. Later the code is just a used one. */
const sharedMs = 15_000;
const maxAsks = 2;

/** A record and a failure share a field: `r` or `f`, and the one or the other, sealed: nobody else may say what a code came to. */
const claimScript = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = us / 1000
local ms = string.format('%.0f', now)
local remembered, shared, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local answers = {}
for i, key in ipairs(KEYS) do
  local request, owner, patience, made = ARGV[4 * i], ARGV[4 * i + 1], tonumber(ARGV[4 * i + 2]), ARGV[4 * i + 3]
  local code = redis.call('HMGET', key, 'request', 'at', 'fence', 'asks', 'answer')
  if not code[1] then
    -- Two first claims in one run: the log-ins still have an order.
    local fence = string.format('%.0f', math.min(us + i - 1, tonumber(made) or math.huge))
    redis.call('HSET', key, 'request', request, 'owner', owner, 'at', ms, 'fence', fence, 'asks', 1)
    redis.call('PEXPIRE', key, remembered)
    answers[i] = {'ask', fence}
  elseif code[1] ~= request then answers[i] = {'other-request'}
  elseif code[5] then
    if now - tonumber(code[2]) > shared then answers[i] = {'other-request'}
    else
      redis.call('HSET', key, 'owner', owner)
      answers[i] = {'answered', code[3], code[5]}
    end
  elseif now - tonumber(code[2]) < patience then answers[i] = {'wait'}
  elseif tonumber(code[4]) >= most then answers[i] = {'interrupted'}
  else
    redis.call('HSET', key, 'owner', owner, 'at', ms, 'asks', code[4] + 1)
    answers[i] = {'ask', code[3]}
  end
end
return answers`;

const askAgainScript = `
local code = redis.call('HMGET', KEYS[1], 'owner', 'asks')
if code[1] ~= ARGV[1] or tonumber(code[2]) >= tonumber(ARGV[2]) then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', time[1] * 1000 + time[2] / 1000), 'asks', code[2] + 1)
return 1`;

const answerScript = `
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + time[2] / 1000)
local answers = {}
for i, key in ipairs(KEYS) do
  local request, owner, fence, answer = ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i], ARGV[4 * i + 1]
  local holder = redis.call('HGET', key, 'owner')
  if holder == owner then redis.call('HSET', key, 'at', ms, 'answer', answer)
  elseif not holder then
    -- Redis has lost the claim meanwhile, and nobody has claimed the code since.
    redis.call('HSET', key, 'request', request, 'owner', owner, 'at', ms, 'fence', fence, 'asks', 1, 'answer', answer)
    redis.call('PEXPIRE', key, ARGV[1])
  end
  answers[i] = (not holder or holder == owner) and 1 or 0
end
return answers`;

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
  const claim = defineKeyScript(client, 'waferClaimCodes', claimScript, [rememberedMs, sharedMs, maxAsks]);
  const askAgain = defineScript(client, 'waferAskAgain', askAgainScript);
  const release = defineScript(client, 'waferReleaseCode', releaseScript);
  const putAnswer = defineKeyScript(client, 'waferAnswerCodes', answerScript, [rememberedMs]);
  const answer = async ({ key, requestFingerprint, owner }: CodeKey, fence: number, value: string): Promise<boolean> =>
    (await putAnswer(key, [requestFingerprint, owner, fence, value])) === 1;
  return {
    async claim({ key, requestFingerprint, owner }, { ownerIsDead, madeByUs }) {
      const patienceMs = ownerIsDead ? Math.min(lockDurationMs, takeOverAfterMs) : takeOverAfterMs;
      const [kind, fence, found] = (await claim(key, [requestFingerprint, owner, patienceMs, madeByUs ?? ''])) as [
        string,
        string,
        string,
      ];
      if (kind === 'ask') return { kind, fence: Number(fence) };
      if (kind !== 'answered') return { kind: kind as 'wait' | 'other-request' | 'interrupted' };
      const text = found.slice(1);
      if (found.startsWith('f'))
        return { kind: 'refused', failure: JSON.parse(seal.open(`failure ${key}`, text)) as Failure };
      const record = JSON.parse(seal.open(`record ${key}`, text)) as CodeRecord;
      return { kind: 'recorded', fence: Number(fence), record };
    },
    askAgain: async ({ key, owner }) => (await askAgain([key], [owner, maxAsks])) === 1,
    record: (code, fence, record) => answer(code, fence, `r${seal.seal(`record ${code.key}`, JSON.stringify(record))}`),
    async refuse(code, fence, failure) {
      await answer(code, fence, `f${seal.seal(`failure ${code.key}`, JSON.stringify(failure))}`);
    },
    async release({ key, owner }) {
      await release([key], [owner]);
    },
  };
}
