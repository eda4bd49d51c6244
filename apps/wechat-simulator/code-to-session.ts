import { BoundedMap } from './bounded-map.ts';
import { ruleOf } from './code-rules.ts';
import type { SessionKeys } from './session-keys.ts';
import { openIdOf, unionIdOf } from './users.ts';
import { failure, success, type WechatAnswer } from './wechat-answer.ts';

const usedCodesLimit = 1_000_000;

/** GET /sns/jscode2session of WeChat, with the rules of the simulator. */
export class CodeToSession {
  readonly #apps: ReadonlyMap<string, string> | undefined;
  readonly #keys: SessionKeys;
  /** Calls with a code so far, by app and code. */
  readonly #calls = new BoundedMap<number>(usedCodesLimit);

  /** apps: secrets by appid; undefined accepts every app. */
  constructor(apps: ReadonlyMap<string, string> | undefined, keys: SessionKeys) {
    this.#apps = apps;
    this.#keys = keys;
  }

  /** The whole effect of a call happens here and now, however late its answer is sent: so it is with WeChat. */
  answer(query: URLSearchParams): WechatAnswer {
    const appid = query.get('appid') ?? '';
    const code = query.get('js_code') ?? '';
    const secret = query.get('secret') ?? '';
    if (!appid || (this.#apps && !this.#apps.has(appid))) return failure(40013, 'invalid appid');
    if (!secret || (this.#apps && this.#apps.get(appid) !== secret)) return failure(40125, 'invalid appsecret');
    return this.#exchange(appid, code, query);
  }

  /** GET /sns/component/jscode2session: a platform asks for an app that has authorised it. @param platform whose token came along */
  answerComponent(platform: string, query: URLSearchParams): WechatAnswer {
    const appid = query.get('appid') ?? '';
    const code = query.get('js_code') ?? '';
    if (platform !== query.get('component_appid')) return failure(40013, 'invalid component_appid');
    if (!appid) return failure(40013, 'invalid appid');
    if (code.startsWith('unauthorized')) return failure(61003, 'component is not authorized by this account');
    return this.#exchange(appid, code, query);
  }

  #exchange(appid: string, code: string, query: URLSearchParams): WechatAnswer {
    if (query.get('grant_type') !== 'authorization_code') return failure(40002, 'invalid grant_type');
    if (!code) return failure(41008, 'missing code');

    const rule = ruleOf(code);
    if (rule.kind === 'error') return failure(rule.errcode, rule.errmsg);
    if (rule.kind === 'raw') return { status: rule.status, body: rule.body, delayMs: 0 };

    const key = `${appid}\0${code}`;
    const earlierCalls = this.#calls.get(key) ?? 0;
    this.#calls.set(key, earlierCalls + 1);
    const busyTimes = rule.kind === 'busy' ? rule.times : 0;
    if (earlierCalls < busyTimes) return failure(-1, 'system error');
    if (earlierCalls > busyTimes) return failure(40163, 'code been used');

    const openid = openIdOf(appid, code);
    if (rule.kind === 'busy') return success({ session_key: this.#keys.current(appid, openid), openid });
    if (rule.renewsKey) this.#keys.replace(appid, openid);
    const fields = {
      session_key: this.#keys.current(appid, openid),
      ...(rule.withExpiresIn && { expires_in: 7200 }),
      openid,
      ...(rule.withUnionid && { unionid: unionIdOf(code) }),
    };
    return success(fields, rule.delayMs);
  }

  /** Makes every code fresh again. */
  reset(): void {
    this.#calls.clear();
  }
}
