import type { Outcome } from '../../../shared/protocol/outcome.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';
import { phonePurpose } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { codeRememberedMs, codeSharedMs } from '../code-times.ts';

/**
 * What became of each phone code, so that none is sent twice: unlike a log-in, nothing is lost but a tap on a button if its asker dies.
 * The same request of the same session and caller gets the same answer; the same code from anywhere else is a used one.
 */
export interface PhoneLedger {
  claim(code: PhoneCode): Promise<PhoneClaim>;
  /** The code was sent, and this is what came of it. Again: in its place, also by a run that was told of it, with the `owner` that it was told. */
  conclude(code: PhoneCode, outcome: Outcome): Promise<void>;
  /** The code was not sent after all: it is as good as new. */
  release(code: PhoneCode): Promise<void>;
}

interface PhoneCode {
  readonly key: string;
  /** Of code, session and caller together. */
  readonly requestFingerprint: string;
  /** Names the run of this request; random. */
  readonly owner: string;
  /** Names the user, by a fingerprint: what came of it can be found when that one is erased. */
  readonly user: string;
}

type PhoneClaim =
  /** @property atUs when it was claimed, by Redis's clock in microseconds since 1970 */
  | { readonly kind: 'ask'; readonly atUs: number }
  /**
   * By the run that `owner` names, which may not have looked yet whether the user was erased meanwhile.
   * @property atUs when that one claimed it; 0: by an earlier version, which did not note it
   */
  | { readonly kind: 'concluded'; readonly outcome: Outcome; readonly owner: string; readonly atUs: number }
  /** Another process is asking. */
  | { readonly kind: 'wait' }
  /** From another session or caller, or answered long ago. */
  | { readonly kind: 'used' }
  /** Its asker died without an answer. */
  | { readonly kind: 'interrupted' };

const claimScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local code = redis.call('HMGET', KEYS[1], 'request', 'at', 'outcome', 'owner', 'claimed')
if not code[1] then
  local claimed = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('HSET', KEYS[1], 'request', ARGV[1], 'owner', ARGV[2], 'user', ARGV[6], 'at', string.format('%.0f', now), 'claimed', claimed)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'ask', claimed}
end
local age = now - tonumber(code[2])
if code[1] ~= ARGV[1] then return {'used'} end
if code[3] then
  -- A time ahead is of a clock that was set back since, or of another Redis.
  if math.abs(age) > tonumber(ARGV[4]) then return {'used'} end
  return {'concluded', code[3], code[4] or '', code[5] or '0'}
end
if age > tonumber(ARGV[5]) then return {'interrupted'} end
return {'wait'}`;

const endScript = `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), 'outcome', ARGV[2])
return 1`;

/** @param abandonedAfterMs a claim without an outcome that is older has lost its owner: longer than any caller waits */
export function createPhoneLedger(client: RedisClient, seal: Seal, abandonedAfterMs: number): PhoneLedger {
  const claim = defineScript(client, 'waferClaimPhone', claimScript);
  const end = defineScript(client, 'waferEndPhone', endScript);
  return {
    async claim({ key, requestFingerprint, owner, user }) {
      const args = [requestFingerprint, owner, codeRememberedMs, codeSharedMs, abandonedAfterMs, user];
      const [kind, value = '', by = '', claimedAt] = (await claim([key], args)) as [PhoneClaim['kind'], ...string[]];
      if (kind === 'ask') return { kind, atUs: Number(value) };
      if (kind !== 'concluded') return { kind };
      const outcome = JSON.parse(seal.open(phonePurpose(key), value)) as Outcome;
      return { kind, outcome, owner: by, atUs: Number(claimedAt) };
    },
    async conclude({ key, owner }, outcome) {
      await end([key], [owner, seal.seal(phonePurpose(key), JSON.stringify(outcome))]);
    },
    async release({ key, owner }) {
      await end([key], [owner, '']);
    },
  };
}
