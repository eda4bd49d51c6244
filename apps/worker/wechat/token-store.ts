import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';

/**
 * The access token of each app in Redis, one for all processes, and the right to fetch the next. Times are Redis's. What lies here
 * is sealed by its owner.
 */
export interface TokenStore {
  /** The token if it need not be renewed yet, or what to do. A process that gets `fetch` has `lockMs` for it. */
  take(appid: string, owner: string, lockMs: number): Promise<TakenToken>;
  /** The fetched token. Without effect if the right has gone to another. */
  save(appid: string, owner: string, token: StoredToken, lifeMs: number, renewAfterMs: number): Promise<void>;
  /** The fetch failed: those who wait are told so, and for a second nobody tries again. */
  fail(appid: string, owner: string, sealedFailure: string): Promise<void>;
  /** Drops the token with this version; a newer one stays. */
  forget(appid: string, version: string): Promise<void>;
}

export interface StoredToken {
  readonly sealed: string;
  /** Names the token without telling it. */
  readonly version: string;
}

type TakenToken =
  | { readonly kind: 'token'; readonly token: StoredToken }
  /** Fetch it. Until that is done `current` still works, if there is one. */
  | { readonly kind: 'fetch'; readonly current: StoredToken | undefined }
  /** Another process is fetching, and there is none to go on with. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'failed'; readonly sealedFailure: string };

/** For this long after a fetch failed nobody tries again. */
const failureMs = 1000;
/** Longer than a fetch: what a fetch that never ended leaves behind expires. */
const restTtlMs = 120_000;

const nowLua = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function ms(value) return string.format('%.0f', value) end`;

const takeScript = `${nowLua}
local t = redis.call('HMGET', KEYS[1], 'sealed', 'version', 'ends', 'renew', 'owner', 'lock', 'failure', 'failed')
local valid = t[1] and now < tonumber(t[3])
if valid and now < tonumber(t[4]) then return {'token', t[1], t[2]} end
local isLocked = t[5] and now < tonumber(t[6])
local hasFailed = t[7] and now < tonumber(t[8])
if valid and (isLocked or hasFailed) then return {'token', t[1], t[2]} end
if isLocked then return {'wait'} end
if hasFailed then return {'failed', t[7]} end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lock', ms(now + ARGV[2]))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if valid then return {'fetch', t[1], t[2]} end
return {'fetch'}`;

const saveScript = `${nowLua}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'sealed', ARGV[2], 'version', ARGV[3], 'ends', ms(now + ARGV[4]), 'renew', ms(now + ARGV[5]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

const failScript = `${nowLua}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'lock')
redis.call('HSET', KEYS[1], 'failure', ARGV[2], 'failed', ms(now + ARGV[3]))
return 1`;

const forgetScript = `
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'sealed', 'version', 'ends', 'renew')
return 1`;

/** @param client the queue's Redis: a token must not be evicted, and all processes must see the same */
export function createTokenStore(client: RedisClient): TokenStore {
  const take = defineScript(client, 'waferTakeToken', takeScript);
  const save = defineScript(client, 'waferSaveToken', saveScript);
  const fail = defineScript(client, 'waferFailToken', failScript);
  const forget = defineScript(client, 'waferForgetToken', forgetScript);
  const keyOf = (appid: string) => `wafer:token:${appid}`;
  return {
    async take(appid, owner, lockMs) {
      const [kind, first, second] = (await take([keyOf(appid)], [owner, lockMs, restTtlMs])) as [
        TakenToken['kind'],
        string | undefined,
        string | undefined,
      ];
      if (kind === 'wait') return { kind };
      if (kind === 'failed') return { kind, sealedFailure: first as string };
      if (kind === 'token') return { kind, token: { sealed: first as string, version: second as string } };
      const current = first === undefined ? undefined : { sealed: first, version: second as string };
      return { kind: 'fetch', current };
    },
    async save(appid, owner, { sealed, version }, lifeMs, renewAfterMs) {
      await save([keyOf(appid)], [owner, sealed, version, lifeMs, renewAfterMs]);
    },
    async fail(appid, owner, sealedFailure) {
      await fail([keyOf(appid)], [owner, sealedFailure, failureMs]);
    },
    async forget(appid, version) {
      await forget([keyOf(appid)], [version]);
    },
  };
}
