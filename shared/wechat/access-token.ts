import { createHash, randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Log } from '../log/log.ts';
import type { Seal } from '../rpc/seal.ts';
import type { Span } from '../tracing/span.ts';
import type { WechatFailure, WechatResult } from './answer.ts';
import type { FetchedToken, TokenSource } from './token-source.ts';
import type { StoredToken, TokenStore } from './token-store.ts';

/** The access tokens that most of WeChat's calls want: one per source, shared by all processes, renewed once before it ends. */
export interface AccessTokens {
  /**
   * @param via whose request it is on behalf of, if it comes from another installation
   * @returns within the caller's time. @throws when Redis does not answer
   */
  get(source: TokenSource, context: TokenContext, via?: readonly string[]): Promise<WechatResult<AccessToken>>;
  /** WeChat refused this token: the next `get` brings another. */
  forget(source: Pick<TokenSource, 'key'>, token: AccessToken): Promise<void>;
  /** What there is, without fetching any; undefined: none that lives. */
  peek(source: Pick<TokenSource, 'key'>): Promise<AccessToken | undefined>;
  /** Fetches one in any case, and makes it the one that all processes use. */
  renew(source: TokenSource, limitMs: number, log: Log): Promise<WechatResult<AccessToken>>;
}

/** Whom a token is for. */
export interface TokenContext {
  /** Milliseconds until nobody waits for the answer any more. */
  remainingMs(): number;
  readonly log: Log;
  /** Of the request, if it is traced. */
  readonly span?: Span | undefined;
}

interface AccessToken {
  readonly accessToken: string;
  /** Names the token without telling it. */
  readonly version: string;
  /** From now on; a little less than WeChat said. */
  readonly leftMs: number;
}

/**
 * A token is renewed this long before it ends, short-lived ones after three quarters of their life. WeChat hands out the next one
 * five minutes before, and accepts both until then.
 */
const renewBeforeMs = 270_000;
const renewBeforeShare = 0.25;
/** A token that is about to end would end under way. */
const safetyMs = 2000;
const safetyShare = 0.1;
/** Between two looks at another's fetch; longer each time, because hundreds may wait. */
const firstPauseMs = 40;
const maxPauseMs = 400;
const pauseGrowth = 1.5;
/** Left for the call that the token is for. */
const reserveMs = 500;
/** How much longer than its fetch a process holds the right to it. */
const lockSlackMs = 1000;

export function createAccessTokens({
  store,
  seal,
  timeoutMs,
}: {
  readonly store: TokenStore;
  readonly seal: Seal;
  /** Of one fetch. */
  readonly timeoutMs: number;
}): AccessTokens {
  const open = (key: string, { sealed, version }: StoredToken, leftMs: number): WechatResult<AccessToken> => ({
    kind: 'ok',
    value: { accessToken: seal.open(`token ${key}`, sealed), version, leftMs },
  });

  const prepare = (key: string, { accessToken, expiresInSeconds }: FetchedToken) => {
    const fetchedMs = expiresInSeconds * 1000;
    const leftMs = Math.ceil(fetchedMs - Math.min(safetyMs, fetchedMs * safetyShare));
    const renewAfterMs = Math.ceil(fetchedMs - Math.min(renewBeforeMs, fetchedMs * renewBeforeShare));
    const version = seal.fingerprint('token', key, accessToken);
    const stored = { sealed: seal.seal(`token ${key}`, accessToken), version };
    return { stored, renewAfterMs, token: { accessToken, version, leftMs } };
  };

  return {
    async get(source, context, via) {
      const { key } = source;
      const owner = randomBytes(12).toString('base64url');
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * pauseGrowth, maxPauseMs)) {
        const limitMs = Math.min(timeoutMs, context.remainingMs() - reserveMs);
        if (limitMs <= 0) return { kind: 'unreachable', reason: 'wechat_token_timeout' };
        const taken = await store.take(key, owner, Math.ceil(limitMs + lockSlackMs));
        if (taken.kind === 'token') return open(key, taken.token, taken.leftMs);
        if (taken.kind === 'failed')
          return JSON.parse(seal.open(`token failure ${key}`, taken.sealedFailure)) as WechatFailure;
        if (taken.kind === 'wait') {
          await setTimeout(pauseMs * (0.75 + Math.random() / 2));
          continue;
        }
        const { current, refused } = taken;
        const fetched = await source.fetch({
          timeoutMs: limitMs,
          log: context.log,
          span: context.span,
          refused,
          via,
        });
        if (fetched.kind === 'ok') {
          const { stored, renewAfterMs, token } = prepare(key, fetched.value);
          await store.save(key, owner, stored, token.leftMs, renewAfterMs);
          return { kind: 'ok', value: token };
        }
        await store.fail(key, owner, seal.seal(`token failure ${key}`, JSON.stringify(fetched)));
        context.log.warn({ appid: key, failure: fetched }, 'access token not fetched');
        return current === undefined ? fetched : open(key, current.token, current.leftMs);
      }
    },
    forget: ({ key }, { version, accessToken }) => store.forget(key, version, hashToken(accessToken)),
    async peek({ key }) {
      const seen = await store.look(key);
      if (seen === undefined) return undefined;
      const { token, leftMs } = seen;
      return { accessToken: seal.open(`token ${key}`, token.sealed), version: token.version, leftMs };
    },
    async renew(source, limitMs, log) {
      const { key } = source;
      const fetched = await source.fetch({ timeoutMs: limitMs, log });
      if (fetched.kind !== 'ok') return fetched;
      const { stored, renewAfterMs, token } = prepare(key, fetched.value);
      await store.replace(key, stored, token.leftMs, renewAfterMs);
      return { kind: 'ok', value: token };
    },
  };
}

/** What a token is told apart by outside of this installation. */
export function hashToken(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex');
}
