import { BoundedMap } from './bounded-map.ts';
import { ruleOf } from './code-rules.ts';
import { phoneInfoOf } from './users.ts';
import { failure, success, type WechatAnswer } from './wechat-answer.ts';

const usedCodesLimit = 1_000_000;

/** POST /wxa/business/getuserphonenumber of WeChat; the words that rule codes of wx.login rule these as well. */
export class PhoneNumbers {
  /** Calls with a code so far, by app and code. */
  readonly #calls = new BoundedMap<number>(usedCodesLimit);

  answer(appid: string, code: string): WechatAnswer {
    if (!code) return failure(40029, 'invalid code');
    const rule = ruleOf(code);
    if (rule.kind === 'error') return failure(rule.errcode, rule.errmsg);
    if (rule.kind === 'raw') return { status: rule.status, body: rule.body, delayMs: 0 };
    const key = `${appid}\0${code}`;
    const earlierCalls = this.#calls.get(key) ?? 0;
    this.#calls.set(key, earlierCalls + 1);
    const busyTimes = rule.kind === 'busy' ? rule.times : 0;
    if (earlierCalls < busyTimes) return failure(-1, 'system error');
    if (earlierCalls > busyTimes) return failure(40029, 'code been used');
    const delayMs = rule.kind === 'success' ? rule.delayMs : 0;
    return success({ errcode: 0, errmsg: 'ok', phone_info: phoneInfoOf(appid, code) }, delayMs);
  }

  reset(): void {
    this.#calls.clear();
  }
}
