import { AccessTokens } from './access-tokens.ts';
import { Wecom } from './wecom.ts';
import { CodeToSession } from './code-to-session.ts';
import { OrderedFailures } from './ordered-failures.ts';
import { PhoneNumbers } from './phone-numbers.ts';
import { SessionKeys } from './session-keys.ts';
import { createUser, createUserData, encryptWithIv, phoneInfoOf, type SimulatedUserData } from './users.ts';
import { failure, success, type WechatAnswer } from './wechat-answer.ts';

/** A call as it came in. */
export interface WechatCall {
  method: string;
  path: string;
  query: URLSearchParams;
  /** The JSON object of the body; {} if there is none. */
  body: Readonly<Record<string, unknown>>;
  /** Whether there was a body at all. */
  hasBody: boolean;
}

export interface WechatApiOptions {
  /** Secrets by appid; undefined: every app is known. */
  apps?: ReadonlyMap<string, string>;
  /** Secrets by corpid, of WeCom; undefined: every company is known. */
  corps?: ReadonlyMap<string, string>;
  /** Default: 7200. */
  tokenLifeSeconds?: number;
  /** By which method getuserencryptkey is asked: POST is what works, GET what the document says. */
  encryptKeyMethod?: 'POST' | 'GET';
}

const defaultTokenLifeSeconds = 7200;
/** Of each call; the real ones have from thousands to millions. */
const dailyLimit = 20;

/** The calls of WeChat that the simulator knows, and what a mini program would get from it. */
export class WechatApi {
  readonly #keys = new SessionKeys();
  readonly #codes: CodeToSession;
  readonly #tokens: AccessTokens;
  readonly #phones = new PhoneNumbers();
  readonly #wecom: Wecom;
  readonly failures = new OrderedFailures();
  /** Calls so far, by path: WeChat counts its quotas so. */
  readonly #counts = new Map<string, number>();

  readonly #encryptKeyMethod: 'POST' | 'GET';

  constructor({
    apps,
    corps,
    tokenLifeSeconds = defaultTokenLifeSeconds,
    encryptKeyMethod = 'POST',
  }: WechatApiOptions) {
    this.#encryptKeyMethod = encryptKeyMethod;
    this.#codes = new CodeToSession(apps, this.#keys);
    this.#tokens = new AccessTokens(apps, tokenLifeSeconds);
    this.#wecom = new Wecom(corps, this.#tokens);
  }

  /** The single-use code that a call brings; '' if there is none. */
  codeOf({ path, query, body }: WechatCall): string {
    const code = path === '/wxa/business/getuserphonenumber' ? body['code'] : query.get('js_code');
    return typeof code === 'string' ? code : '';
  }

  /** The whole effect of a call happens here and now, however late its answer is sent: so it is with WeChat. */
  answer(call: WechatCall): WechatAnswer | undefined {
    const { method, path } = call;
    const route = this.#routes[`${method} ${path}`];
    if (route !== undefined) this.#counts.set(path, (this.#counts.get(path) ?? 0) + 1);
    return route === undefined ? undefined : (this.failures.take(path) ?? route(call));
  }

  createUserData(appid: string, code: string): SimulatedUserData {
    return createUserData(appid, code, this.#keys.current(appid, createUser(appid, code).openid));
  }

  /** What a tap on a phone number button gives: a code, and for older clients encrypted data. */
  createPhoneCode(appid: string, code: string): { code: string; encrypt_data: string; iv: string } {
    const sessionKey = this.#keys.current(appid, createUser(appid, code).openid);
    const tag = Math.random().toString(36).slice(2);
    return {
      code: `${code}${code.includes('~') ? '' : '~'}phone${tag}`,
      ...encryptWithIv(sessionKey, phoneInfoOf(appid, code)),
    };
  }

  /** What a company's token service answers that keeps the tokens of its platform: of itself, or of an app that has authorised it. */
  issueComponentToken(componentAppid: string): WechatAnswer {
    return this.#tokens.issue(`component ${componentAppid}`);
  }

  issueAuthorizerToken(appid: string): WechatAnswer {
    return this.#tokens.issue(appid);
  }

  /** As if the app's secret had been reset: no access token works any more. */
  endTokens(): void {
    this.#tokens.reset();
  }

  /** Makes every code fresh again, and every key and token as at the start. */
  reset(): void {
    this.#counts.clear();
    for (const part of [this.#codes, this.#wecom, this.#keys, this.#tokens, this.#phones, this.failures]) part.reset();
  }

  readonly #routes: Readonly<Record<string, (call: WechatCall) => WechatAnswer>> = {
    'GET /sns/jscode2session': ({ query }) => this.#codes.answer(query),
    'GET /sns/component/jscode2session': ({ query }) => {
      const owner = this.#tokens.check(query.get('component_access_token'));
      return 'appid' in owner ? this.#codes.answerComponent(owner.appid.replace(/^component /, ''), query) : owner;
    },
    'GET /cgi-bin/gettoken': ({ query }) => this.#wecom.answerToken(query),
    'GET /cgi-bin/miniprogram/jscode2session': ({ query }) => this.#wecom.answerCode(query),
    'POST /cgi-bin/stable_token': ({ body }) => this.#tokens.answer(body),
    'POST /wxa/business/getuserphonenumber': (call) =>
      this.#withToken(call.query, (appid) => this.#phones.answer(appid, this.codeOf(call))),
    'POST /cgi-bin/openapi/quota/get': ({ query, body: { cgi_path: path } }) =>
      this.#withToken(query, () => this.#answerQuota(typeof path === 'string' ? path : '')),
    'GET /wxa/checksession': ({ query }) => this.#withToken(query, (appid) => this.#keys.check(appid, query)),
    'GET /wxa/resetusersessionkey': ({ query }) => this.#withToken(query, (appid) => this.#keys.renew(appid, query)),
    'POST /wxa/business/getuserencryptkey': (call) => this.#encryptKeys(call),
    'GET /wxa/business/getuserencryptkey': (call) => this.#encryptKeys(call),
  };

  #encryptKeys({ method, query, hasBody }: WechatCall): WechatAnswer {
    if (method !== this.#encryptKeyMethod)
      return method === 'POST' ? failure(43001, 'require GET method') : failure(43002, 'require POST method');
    return this.#withToken(query, (appid) => this.#keys.encryptKeys(appid, query, hasBody));
  }

  #answerQuota(path: string): WechatAnswer {
    const isCall = Object.keys(this.#routes).some((route) => route.endsWith(` ${path}`));
    if (!isCall) return failure(76022, 'could not use this cgi_path, no permission');
    const used = this.#counts.get(path) ?? 0;
    const quota = { daily_limit: dailyLimit, used, remain: Math.max(dailyLimit - used, 0) };
    return success({ errcode: 0, errmsg: 'ok', quota });
  }

  #withToken(query: URLSearchParams, answer: (appid: string) => WechatAnswer): WechatAnswer {
    const owner = this.#tokens.check(query.get('access_token'));
    return 'appid' in owner ? answer(owner.appid) : owner;
  }
}
