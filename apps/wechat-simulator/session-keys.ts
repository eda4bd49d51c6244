import { createHmac } from 'node:crypto';

import { BoundedMap } from './bounded-map.ts';
import { encryptKeysOf, sessionKeyOf } from './users.ts';
import { failure, success, type WechatAnswer } from './wechat-answer.ts';

const resetUsersLimit = 1_000_000;

/** The live session_key of each user; /wxa/checksession, resetusersessionkey and business/getuserencryptkey of WeChat. */
export class SessionKeys {
  /** How often the key of a user was renewed, by app and openid. */
  readonly #resets = new BoundedMap<number>(resetUsersLimit);

  current(appid: string, openid: string): string {
    return sessionKeyOf(appid, openid, this.#resets.get(`${appid}\0${openid}`) ?? 0);
  }

  check(appid: string, query: URLSearchParams): WechatAnswer {
    return this.#refuse(appid, query) ?? success({ errcode: 0, errmsg: 'ok' });
  }

  renew(appid: string, query: URLSearchParams): WechatAnswer {
    const refusal = this.#refuse(appid, query);
    if (refusal) return refusal;
    const openid = query.get('openid') ?? '';
    this.replace(appid, openid);
    return success({ errcode: 0, errmsg: 'ok', openid, session_key: this.current(appid, openid) });
  }

  /** As a wx.login does whose code is exchanged: what was sealed before opens with the key before. */
  replace(appid: string, openid: string): void {
    const key = `${appid}\0${openid}`;
    this.#resets.set(key, (this.#resets.get(key) ?? 0) + 1);
  }

  /** @param hasBody WeChat takes any body for one of the signed data, and so the signature for a wrong one */
  encryptKeys(appid: string, query: URLSearchParams, hasBody: boolean): WechatAnswer {
    const refusal = this.#refuse(appid, query);
    if (refusal) return refusal;
    if (hasBody) return failure(87009, 'invalid signature');
    return success({ errcode: 0, errmsg: 'ok', key_info_list: encryptKeysOf(appid, query.get('openid') ?? '') });
  }

  reset(): void {
    this.#resets.clear();
  }

  /** The signature has to be the HMAC-SHA256 of nothing under the live key. */
  #refuse(appid: string, query: URLSearchParams): WechatAnswer | undefined {
    const openid = query.get('openid');
    if (!openid) return failure(40003, 'invalid openid');
    if (query.get('sig_method') !== 'hmac_sha256') return failure(87007, 'invalid sig_method');
    const expected = createHmac('sha256', this.current(appid, openid)).update('').digest('hex');
    return query.get('signature') === expected ? undefined : failure(87009, 'invalid signature');
  }
}
