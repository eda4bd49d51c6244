import type { Refused } from './answer.ts';

/** Which call it is, and for whom. WeChat counts its quotas by call. */
export interface WechatSubject {
  readonly appid: string;
  readonly api: WechatApi;
  /** undefined where the user is not known before the call. */
  readonly openId?: string;
  /** A code, whose user is not known yet. */
  readonly code?: string;
  /** The name of the caller who wants it, if it has one. */
  readonly caller?: string | undefined;
}

/** What a call is called in logs and metrics. */
export type WechatApi = string;

/** Those that are made here. */
export const wechatApis: readonly WechatApi[] = [
  'code2session',
  'component_code2session',
  'wecom_code2session',
  'stable_token',
  'token_service',
  'component_token_service',
  'authorizer_token_service',
  'wecom_gettoken',
  'getuserphonenumber',
  'checksession',
  'resetusersessionkey',
  'getuserencryptkey',
];

/** The answer in the place of a call that was not made. */
export const shed = { kind: 'unreachable', reason: 'wechat_breaker' } as const;

/** Stands before every call to WeChat: counts it, raises alerts, and asks no more for a while where WeChat said that it is too often or
 * does not answer. */
export interface WechatWatch {
  /** @returns what `call` returns; without calling, the errcode that WeChat gave before, or that it does not answer */
  ask<Answer extends { readonly kind: string }>(
    subject: WechatSubject,
    call: () => Promise<Answer>,
  ): Promise<Answer | Refused | typeof shed>;
}
