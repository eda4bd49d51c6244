import type { RedisClient } from '../redis/connect.ts';
import { defineScript } from '../redis/script.ts';

/**
 * Access tokens in Redis, by the key of their source: one for all processes, and the right to fetch the next. Times are Redis's. What lies here
 * is sealed by its owner.
 */
export interface TokenStore {
  /** The token if it need not be renewed yet, or what to do. A process that gets `fetch` has `lockMs` for it. */
  take(key: string, owner: string, lockMs: number): Promise<TakenToken>;
  /** The fetched token. Without effect if the right has gone to another. */
  save(key: string, owner: string, token: StoredToken, lifeMs: number, renewAfterMs: number): Promise<void>;
  /** The fetch failed: those who wait are told so, and for a second nobody tries again. */
  fail(key: string, owner: string, sealedFailure: string): Promise<void>;
  /**
   * Drops the token with this version; a newer one stays.
   * @param refused what whoever fetches the next one is told of it
   */
  forget(key: string, version: string, refused?: string): Promise<void>;
  /** Another token than the one that is there; a fetch that is under way has no effect any more. */
  replace(key: string, token: StoredToken, lifeMs: number, renewAfterMs: number): Promise<void>;
  /** What there is, whether it has to be renewed or not; for people. */
  look(key: string): Promise<SeenToken | undefined>;
}

export interface StoredToken {
  readonly sealed: string;
  /** Names the token without telling it. */
  readonly version: string;
}

/** A token and how long it still lives. */
interface LivingToken {
  readonly token: StoredToken;
  readonly leftMs: number;
}

interface SeenToken extends LivingToken {
  /** 0 or less: it is due. */
  readonly renewInMs: number;
}

type TakenToken =
  | ({ readonly kind: 'token' } & LivingToken)
  /** Fetch it. Until that is done `current` still works, if there is one. `refused`: what `forget` was told of the one before. */
  | { readonly kind: 'fetch'; readonly current: LivingToken | undefined; readonly refused?: string }
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
local t = redis.call('HMGET', KEYS[1], 'sealed', 'version', 'ends', 'renew', 'owner', 'lock', 'failure', 'failed', 'refused')
local valid = t[1] and now < tonumber(t[3])
local left = valid and ms(tonumber(t[3]) - now)
if valid and now < tonumber(t[4]) then return {'token', t[1], t[2], left} end
local isLocked = t[5] and now < tonumber(t[6])
local hasFailed = t[7] and now < tonumber(t[8])
if valid and (isLocked or hasFailed) then return {'token', t[1], t[2], left} end
if isLocked then return {'wait'} end
if hasFailed then return {'failed', t[7]} end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lock', ms(now + ARGV[2]))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if valid then return {'fetch', t[1], t[2], left} end
return {'fetch', t[9] or ''}`;

const saveScript = `${nowLua}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'sealed', ARGV[2], 'version', ARGV[3], 'ends', ms(now + ARGV[4]), 'renew', ms(now + ARGV[5]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

const replaceScript = `${nowLua}
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'version', ARGV[2], 'ends', ms(now + ARGV[3]), 'renew', ms(now + ARGV[4]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;

const lookScript = `${nowLua}
local t = redis.call('HMGET', KEYS[1], 'sealed', 'version', 'ends', 'renew')
if not t[1] or now >= tonumber(t[3]) then return {} end
return {t[1], t[2], ms(tonumber(t[3]) - now), ms(tonumber(t[4]) - now)}`;

const failScript = `${nowLua}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'lock')
redis.call('HSET', KEYS[1], 'failure', ARGV[2], 'failed', ms(now + ARGV[3]))
return 1`;

const forgetScript = `
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'sealed', 'version', 'ends', 'renew')
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'refused', ARGV[2])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return 1`;

/** @param client the queue's Redis: a token must not be evicted, and all processes must see the same */
export function createTokenStore(client: RedisClient): TokenStore {
  const take = defineScript(client, 'waferTakeToken', takeScript);
  const save = defineScript(client, 'waferSaveToken', saveScript);
  const fail = defineScript(client, 'waferFailToken', failScript);
  const forget = defineScript(client, 'waferForgetToken', forgetScript);
  const replace = defineScript(client, 'waferReplaceToken', replaceScript);
  const look = defineScript(client, 'waferLookAtToken', lookScript);
  const keyOf = (key: string) => `wafer:token:${key}`;
  return {
    async take(key, owner, lockMs) {
      const [kind, first, second, left] = (await take([keyOf(key)], [owner, lockMs, restTtlMs])) as [
        TakenToken['kind'],
        string | undefined,
        string | undefined,
        string | undefined,
      ];
      if (kind === 'wait') return { kind };
      if (kind === 'failed') return { kind, sealedFailure: first as string };
      if (left === undefined)
        return { kind: 'fetch', current: undefined, ...(first === '' ? {} : { refused: first as string }) };
      const living = { token: { sealed: first as string, version: second as string }, leftMs: Number(left) };
      return kind === 'token' ? { kind, ...living } : { kind: 'fetch', current: living };
    },
    async save(key, owner, { sealed, version }, lifeMs, renewAfterMs) {
      await save([keyOf(key)], [owner, sealed, version, lifeMs, renewAfterMs]);
    },
    async fail(key, owner, sealedFailure) {
      await fail([keyOf(key)], [owner, sealedFailure, failureMs]);
    },
    async forget(key, version, refused = '') {
      await forget([keyOf(key)], [version, refused, restTtlMs]);
    },
    async replace(key, { sealed, version }, lifeMs, renewAfterMs) {
      await replace([keyOf(key)], [sealed, version, lifeMs, renewAfterMs]);
    },
    async look(key) {
      const [sealed, version, left, renewIn] = (await look([keyOf(key)], [])) as (string | undefined)[];
      if (sealed === undefined) return undefined;
      return { token: { sealed, version: version as string }, leftMs: Number(left), renewInMs: Number(renewIn) };
    },
  };
}
