import type { Log } from '../log/log.ts';
import { refusedTokenHeader, tokenViaHeader } from '../protocol/token-service.ts';
import type { AppWithSecret } from '../store/app-reader.ts';
import { readFields, toQuery, type WechatAnswer, type WechatResult } from './answer.ts';
import type { WechatClient } from './client.ts';
import { askWithSecrets } from './secrets.ts';
import type { Span } from '../tracing/span.ts';
import { traceCalls } from './traced-calls.ts';
import type { WechatApi, WechatWatch } from './watch.ts';

/** A token, and where it comes from. */
export interface TokenSource {
  /** By this it is known to all processes. */
  readonly key: string;
  fetch(request: TokenFetch): Promise<WechatResult<FetchedToken>>;
}

interface TokenFetch {
  readonly timeoutMs: number;
  readonly log: Log;
  readonly span?: Span | undefined;
  /** SHA-256 in hex of the token before, if WeChat has refused it. */
  readonly refused?: string | undefined;
  /** Whose request it is on behalf of: the installations that have passed it on. */
  readonly via?: readonly string[] | undefined;
}

export interface FetchedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** Where the token of an app comes from. */
export type TokenSourceOf = (app: AppWithSecret) => TokenSource;

/**
 * From WeChat, by stable_token
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html): the same token
 * for everybody who asks, until five minutes before its end.
 * @param isForced a new one at once; WeChat lets an app do that 20 times a day, 30 s apart, and the one before ends soon after
 */
export function createStableTokenSource(wechat: WechatClient, watch: WechatWatch, isForced = false): TokenSourceOf {
  return (app) => ({
    key: app.appid,
    fetch: ({ timeoutMs, log, span }) =>
      watch.ask({ appid: app.appid, api: 'stable_token' }, () =>
        askWithSecrets(
          app,
          async (secret, limitMs) => {
            const { appid } = app;
            const body = { grant_type: 'client_credential', appid, secret, ...(isForced && { force_refresh: true }) };
            return readToken(await traceCalls(wechat, span).post('/cgi-bin/stable_token', '', body, limitMs));
          },
          timeoutMs,
          log,
        ),
      ),
  });
}

/**
 * From a token service that the company already has: `GET` with these parameters is answered as WeChat does.
 * @param installation names this one, so that it notices when it asks itself
 */
export function createTokenServiceSource(
  service: WechatClient,
  watch: WechatWatch,
  {
    key,
    appid,
    api,
    query,
    installation,
  }: {
    readonly key: string;
    readonly appid: string;
    readonly api: WechatApi;
    readonly query: Readonly<Record<string, string>>;
    readonly installation: string;
  },
): TokenSource {
  return {
    key,
    fetch: ({ timeoutMs, refused, via = [], span }) =>
      watch.ask({ appid, api }, async () => {
        const headers = {
          [tokenViaHeader]: [...via, installation].join(','),
          ...(refused === undefined ? {} : { [refusedTokenHeader]: refused }),
        };
        return readToken(await traceCalls(service, span).get('', toQuery(query), timeoutMs, headers));
      }),
  };
}

/** Longer ones would not fit a URL. */
const maxTokenLength = 2048;
/** A year: more than any token lives, and a time that Redis can keep. */
const maxExpiresInSeconds = 31_536_000;

export function readToken(answer: WechatAnswer): WechatResult<FetchedToken> {
  const result = readFields(answer);
  if (result.kind !== 'ok') return result;
  const { access_token: accessToken, expires_in: expiresIn } = result.value;
  const isNumeric = typeof expiresIn === 'number' || typeof expiresIn === 'string';
  const expiresInSeconds = isNumeric ? Math.floor(Number(expiresIn)) : 0;
  const isToken = typeof accessToken === 'string' && accessToken !== '' && accessToken.length <= maxTokenLength;
  if (!isToken || !(expiresInSeconds > 0 && expiresInSeconds <= maxExpiresInSeconds)) return { kind: 'invalid' };
  return { kind: 'ok', value: { accessToken, expiresInSeconds } };
}
