import type { Log } from '../../../shared/log/log.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { readFields, toQuery, type WechatAnswer, type WechatResult } from './answer.ts';
import type { WechatClient } from './client.ts';
import { askWithSecrets } from './secrets.ts';
import type { WechatWatch } from './watch.ts';

/** An access token as it was fetched. */
export interface FetchedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** Where access tokens come from. */
export type FetchToken = (app: AppWithSecret, timeoutMs: number, log: Log) => Promise<WechatResult<FetchedToken>>;

/**
 * From WeChat, by stable_token
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html): the same token
 * for everybody who asks, until five minutes before its end.
 */
export function createStableTokenFetch(wechat: WechatClient, watch: WechatWatch): FetchToken {
  return (app, timeoutMs, log) =>
    watch.ask({ appid: app.appid, api: 'stable_token' }, () =>
      askWithSecrets(app, (secret, limitMs) => fetchStableToken(wechat, app.appid, secret, limitMs), timeoutMs, log),
    );
}

async function fetchStableToken(wechat: WechatClient, appid: string, secret: string, timeoutMs: number) {
  const body = { grant_type: 'client_credential', appid, secret };
  return readToken(await wechat.post('/cgi-bin/stable_token', '', body, timeoutMs));
}

/** From a token service that the company already has. */
export function createTokenServiceFetch(service: WechatClient, watch: WechatWatch): FetchToken {
  return ({ appid }, timeoutMs) =>
    watch.ask({ appid, api: 'token_service' }, async () =>
      readToken(await service.get('', toQuery({ appid }), timeoutMs)),
    );
}

/** Longer ones would not fit a URL. */
const maxTokenLength = 2048;
/** A year: more than any token lives, and a time that Redis can keep. */
const maxExpiresInSeconds = 31_536_000;

function readToken(answer: WechatAnswer): WechatResult<FetchedToken> {
  const result = readFields(answer);
  if (result.kind !== 'ok') return result;
  const { access_token: accessToken, expires_in: expiresIn } = result.value;
  const isNumeric = typeof expiresIn === 'number' || typeof expiresIn === 'string';
  const expiresInSeconds = isNumeric ? Math.floor(Number(expiresIn)) : 0;
  const isToken = typeof accessToken === 'string' && accessToken !== '' && accessToken.length <= maxTokenLength;
  if (!isToken || !(expiresInSeconds > 0 && expiresInSeconds <= maxExpiresInSeconds)) return { kind: 'invalid' };
  return { kind: 'ok', value: { accessToken, expiresInSeconds } };
}
