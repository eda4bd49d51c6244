import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { CallContext } from '../rpc/server.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import type { WechatFailure, WechatResult } from './answer.ts';
import type { FetchedToken, FetchToken } from './fetch-token.ts';
import type { StoredToken, TokenStore } from './token-store.ts';

/** The access token that most of WeChat's calls want: one per app, shared by all processes, renewed once before it ends. */
export interface AccessTokens {
  /** @returns within the caller's time. @throws when Redis does not answer */
  get(app: AppWithSecret, context: CallContext): Promise<WechatResult<AccessToken>>;
  /** WeChat refused this token: the next `get` brings another. */
  forget(appid: string, token: AccessToken): Promise<void>;
}

interface AccessToken {
  readonly accessToken: string;
  readonly version: string;
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
  fetchToken,
  timeoutMs,
}: {
  readonly store: TokenStore;
  readonly seal: Seal;
  readonly fetchToken: FetchToken;
  /** Of one fetch. */
  readonly timeoutMs: number;
}): AccessTokens {
  const open = (appid: string, { sealed, version }: StoredToken): WechatResult<AccessToken> => ({
    kind: 'ok',
    value: { accessToken: seal.open(`token ${appid}`, sealed), version },
  });

  const save = async (appid: string, owner: string, { accessToken, expiresInSeconds }: FetchedToken) => {
    const fetchedMs = expiresInSeconds * 1000;
    const lifeMs = Math.ceil(fetchedMs - Math.min(safetyMs, fetchedMs * safetyShare));
    const renewAfterMs = Math.ceil(fetchedMs - Math.min(renewBeforeMs, fetchedMs * renewBeforeShare));
    const version = seal.fingerprint('token', appid, accessToken);
    const token = { sealed: seal.seal(`token ${appid}`, accessToken), version };
    await store.save(appid, owner, token, lifeMs, renewAfterMs);
    return { accessToken, version };
  };

  return {
    async get(app, context) {
      const { appid } = app;
      const owner = randomBytes(12).toString('base64url');
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * pauseGrowth, maxPauseMs)) {
        const limitMs = Math.min(timeoutMs, context.remainingMs() - reserveMs);
        if (limitMs <= 0) return { kind: 'unreachable', reason: 'wechat_token_timeout' };
        const taken = await store.take(appid, owner, Math.ceil(limitMs + lockSlackMs));
        if (taken.kind === 'token') return open(appid, taken.token);
        if (taken.kind === 'failed')
          return JSON.parse(seal.open(`token failure ${appid}`, taken.sealedFailure)) as WechatFailure;
        if (taken.kind === 'wait') {
          await setTimeout(pauseMs * (0.75 + Math.random() / 2));
          continue;
        }
        const fetched = await fetchToken(app, limitMs, context.log);
        if (fetched.kind === 'ok') return { kind: 'ok', value: await save(appid, owner, fetched.value) };
        await store.fail(appid, owner, seal.seal(`token failure ${appid}`, JSON.stringify(fetched)));
        context.log.warn({ appid, failure: fetched }, 'access token not fetched');
        return taken.current === undefined ? fetched : open(appid, taken.current);
      }
    },
    forget: (appid, { version }) => store.forget(appid, version),
  };
}
