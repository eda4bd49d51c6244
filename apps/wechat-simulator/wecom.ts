import type { AccessTokens } from './access-tokens.ts';
import { BoundedMap } from './bounded-map.ts';
import { ruleOf } from './code-rules.ts';
import { sessionKeyOf } from './users.ts';
import { failure, success, type WechatAnswer } from './wechat-answer.ts';

const usedCodesLimit = 1_000_000;

/** GET /cgi-bin/gettoken and /cgi-bin/miniprogram/jscode2session of WeCom. */
export class Wecom {
  readonly #corps: ReadonlyMap<string, string> | undefined;
  readonly #tokens: AccessTokens;
  readonly #used = new BoundedMap<number>(usedCodesLimit);

  /** corps: secrets by corpid; undefined accepts every company. */
  constructor(corps: ReadonlyMap<string, string> | undefined, tokens: AccessTokens) {
    this.#corps = corps;
    this.#tokens = tokens;
  }

  answerToken(query: URLSearchParams): WechatAnswer {
    const [corpid, secret] = [query.get('corpid') ?? '', query.get('corpsecret') ?? ''];
    if (corpid === '' || (this.#corps && !this.#corps.has(corpid))) return failure(40013, 'invalid corpid');
    if (secret === '' || (this.#corps && this.#corps.get(corpid) !== secret))
      return failure(40001, 'invalid credential');
    const { status, body, delayMs } = this.#tokens.issue(`corp ${corpid}`);
    return { status, body: JSON.stringify({ errcode: 0, errmsg: 'ok', ...(JSON.parse(body) as object) }), delayMs };
  }

  /**
   * A code is what stands before the first `~`: `alice` is of the company whose token asks, `alice.ww2` of ww2 alone, and `linked.ww9` is
   * answered as one of ww9, which is linked to the same mini program, whoever asks.
   */
  answerCode(query: URLSearchParams): WechatAnswer {
    const owner = this.#tokens.check(query.get('access_token'));
    if (!('appid' in owner)) return owner;
    const code = query.get('js_code') ?? '';
    const asking = owner.appid.replace(/^corp /, '');
    const rule = ruleOf(code);
    if (rule.kind === 'error') return failure(rule.errcode, rule.errmsg);
    if (rule.kind === 'raw') return { status: rule.status, body: rule.body, delayMs: 0 };
    const [name = '', of] = (code.split('~')[0] ?? '').split('.');
    const corpid = of ?? asking;
    if (name === '' || (corpid !== asking && name !== 'linked') || this.#used.get(code) !== undefined)
      return failure(40029, 'invalid code');
    this.#used.set(code, 1);
    return success({ errcode: 0, errmsg: 'ok', corpid, userid: name, session_key: sessionKeyOf(corpid, name, 0) });
  }

  reset(): void {
    this.#used.clear();
  }
}
