import { createHmac } from 'node:crypto';
import { readFields, toQuery, type WechatResult } from '../../../shared/wechat/answer.ts';
import { isToken } from '../../../shared/wechat/code2session.ts';
import type { WechatCalls } from '../../../shared/wechat/traced-calls.ts';

/** A user, by his session_key, for calls that only its holder can make. */
export interface KeyOwner {
  readonly accessToken: string;
  readonly openId: string;
  readonly sessionKey: string;
}

/** WeChat's errcode for a signature that the user's live key did not make. */
const wrongSignature = '87009';

/**
 * Whether a session_key is still the user's live one
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/checkSessionKey.html).
 */
export async function isSessionKeyLive(
  wechat: WechatCalls,
  owner: KeyOwner,
  timeoutMs: number,
): Promise<WechatResult<boolean>> {
  const result = readFields(await wechat.get('/wxa/checksession', toSignedQuery(owner), timeoutMs));
  if (result.kind === 'refused' && result.errcode === wrongSignature) return { kind: 'ok', value: false };
  return result.kind === 'ok' ? { kind: 'ok', value: true } : result;
}

/**
 * Has WeChat renew a user's session_key
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/ResetUserSessionKey.html). The old one is dead at once.
 * @returns the new key
 */
export async function resetSessionKey(
  wechat: WechatCalls,
  owner: KeyOwner,
  timeoutMs: number,
): Promise<WechatResult<string>> {
  const result = readFields(await wechat.get('/wxa/resetusersessionkey', toSignedQuery(owner), timeoutMs));
  if (result.kind !== 'ok') return result;
  const { openid, session_key: sessionKey } = result.value;
  return isToken(sessionKey) && openid === owner.openId ? { kind: 'ok', value: sessionKey } : { kind: 'invalid' };
}

/** The key itself does not travel: an HMAC of nothing, made with it, does. */
export function toSignedQuery({ accessToken, openId, sessionKey }: KeyOwner): string {
  const signature = createHmac('sha256', sessionKey).update('').digest('hex');
  return toQuery({ access_token: accessToken, openid: openId, signature, sig_method: 'hmac_sha256' });
}
