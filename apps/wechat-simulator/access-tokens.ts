import { randomBytes } from 'node:crypto';

import { failure, success, type WechatAnswer } from './wechat-answer.ts';

/** WeChat hands out the next token this long before the end of the one before; both work until then. */
const renewBeforeMs = 300_000;
const renewBeforeShare = 0.5;

interface IssuedToken {
  appid: string;
  endsAt: number;
}

/** POST /cgi-bin/stable_token of WeChat, and the check of access_token in the other calls. */
export class AccessTokens {
  readonly #apps: ReadonlyMap<string, string> | undefined;
  readonly #lifeMs: number;
  /** By access_token. */
  readonly #issued = new Map<string, IssuedToken>();
  readonly #current = new Map<string, string>();

  /** apps: secrets by appid; undefined accepts every app. */
  constructor(apps: ReadonlyMap<string, string> | undefined, lifeSeconds: number) {
    this.#apps = apps;
    this.#lifeMs = lifeSeconds * 1000;
  }

  /** The same token for everybody who asks, until shortly before its end. */
  answer(body: Readonly<Record<string, unknown>>): WechatAnswer {
    const { grant_type: grantType, appid, secret, force_refresh: isForced } = body;
    if (typeof appid !== 'string' || appid === '' || (this.#apps && !this.#apps.has(appid)))
      return failure(40013, 'invalid appid');
    if (!secret || (this.#apps && this.#apps.get(appid) !== secret)) return failure(40125, 'invalid appsecret');
    if (grantType !== 'client_credential') return failure(40002, 'invalid grant_type');
    return this.issue(appid, isForced === true);
  }

  /** Of whoever it is: an app, a platform, an app by a platform, a company of WeCom. */
  issue(appid: string, isForced = false): WechatAnswer {
    const now = Date.now();
    const current = this.#current.get(appid) ?? '';
    const leftMs = (this.#issued.get(current)?.endsAt ?? 0) - now;
    if (!isForced && leftMs > Math.min(renewBeforeMs, this.#lifeMs * renewBeforeShare))
      return success({ access_token: current, expires_in: Math.floor(leftMs / 1000) });

    const accessToken = `sim_${randomBytes(48).toString('base64url')}`;
    for (const [token, { endsAt }] of this.#issued) if (endsAt < now) this.#issued.delete(token);
    this.#issued.set(accessToken, { appid, endsAt: now + this.#lifeMs });
    this.#current.set(appid, accessToken);
    return success({ access_token: accessToken, expires_in: this.#lifeMs / 1000 });
  }

  /** The app that a token belongs to, or WeChat's refusal of it. */
  check(accessToken: string | null): { appid: string } | WechatAnswer {
    if (!accessToken) return failure(41001, 'access_token missing');
    const issued = this.#issued.get(accessToken);
    if (issued === undefined) return failure(40001, 'invalid credential, access_token is invalid or not latest');
    if (issued.endsAt < Date.now()) return failure(42001, 'access_token expired');
    return { appid: issued.appid };
  }

  /** As if the secret had been reset: no token works any more. */
  reset(): void {
    this.#issued.clear();
    this.#current.clear();
  }
}
