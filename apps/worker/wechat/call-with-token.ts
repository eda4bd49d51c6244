import { setTimeout } from 'node:timers/promises';
import { createOncePerSecond } from '../../../shared/log/log.ts';
import { reserveMs, type CallContext } from '../rpc/server.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import type { AccessTokens } from '../../../shared/wechat/access-token.ts';
import type { TokenSourceOf } from '../../../shared/wechat/token-source.ts';
import { isTokenRefused, type Refused, type WechatResult } from '../../../shared/wechat/answer.ts';
import type { WechatApi, WechatWatch } from '../../../shared/wechat/watch.ts';

/** A call about one user that wants the app's access token. */
interface UserCall<Value> {
  readonly app: AppWithSecret;
  readonly tokenOf: TokenSourceOf;
  readonly openId: string;
  /** The name of the caller who wants it, if it has one. */
  readonly caller: string | undefined;
  readonly api: WechatApi;
  readonly send: (accessToken: string, timeoutMs: number) => Promise<WechatResult<Value>>;
}

export type CallWithToken = <Value>(call: UserCall<Value>, context: CallContext) => Promise<WechatResult<Value>>;

const busy = '-1';
const busyPauseMs = 80;

/** Calls WeChat within the caller's time: once more with a new token if it refuses the token, once more if it is busy. */
export function createCallWithToken(deps: {
  readonly tokens: AccessTokens;
  readonly watch: WechatWatch;
  readonly timeoutMs: number;
}): CallWithToken {
  const { tokens, watch, timeoutMs } = deps;
  const oncePerSecond = createOncePerSecond();
  /** With WeChat's own words: which user it is about is for the line of the request with this id to tell. */
  const tellRefused = (appid: string, api: string, { errcode, said }: Refused, { log }: CallContext) =>
    oncePerSecond((leftOut) =>
      log.info(
        { appid, api, errcode, ...said, ...(leftOut > 0 ? { alsoRefused: leftOut } : {}) },
        'WeChat refused a call',
      ),
    );
  return async ({ app, tokenOf, openId, caller, api, send }, context) => {
    let isTokenRenewed = false;
    let isSentAgain = false;
    const source = tokenOf(app);
    for (;;) {
      const token = await tokens.get(source, context);
      if (token.kind !== 'ok') return token;
      const limitMs = Math.max(Math.min(timeoutMs, context.remainingMs() - reserveMs), 1);
      const result = await watch.ask({ appid: app.appid, api, openId, caller }, () =>
        send(token.value.accessToken, limitMs),
      );
      if (result.kind !== 'refused') return result;
      const hasTime = context.remainingMs() > reserveMs;
      if (hasTime && isTokenRefused(result) && !isTokenRenewed) {
        isTokenRenewed = true;
        await tokens.forget(source, token.value);
      } else if (hasTime && result.errcode === busy && !isSentAgain) {
        isSentAgain = true;
        await setTimeout(busyPauseMs * (0.5 + Math.random()));
      } else {
        tellRefused(app.appid, api, result, context);
        return result;
      }
    }
  };
}
