import { parseObject, readErrcode, refuse, toQuery, type WechatAnswer, type WechatFailure } from './answer.ts';
import type { WechatCalls } from './traced-calls.ts';

/** What WeChat's jscode2session said; if it failed, the code is not exchanged. */
export type Exchange =
  | {
      readonly kind: 'session';
      readonly openId: string;
      readonly sessionKey: string;
      readonly unionId?: string;
      readonly expiresIn?: number | string;
    }
  | WechatFailure
  /** Nobody was asked: the code is good for another try. */
  | { readonly kind: 'unasked'; readonly failure: WechatFailure };

/** Longest openid and session_key that the database can hold. */
const maxLength = 100;

/**
 * Exchanges a code (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html). The code is spent
 * by this, whatever becomes of the answer: callers must hold the claim on it.
 */
export async function code2Session(
  wechat: WechatCalls,
  { appid, secret, code }: { appid: string; secret: string; code: string },
  timeoutMs: number,
): Promise<Exchange> {
  const query = toQuery({ appid, secret, js_code: code, grant_type: 'authorization_code' });
  return readExchange(await wechat.leanGet('/sns/jscode2session', query, timeoutMs));
}

/** WeChat answers JSON as text/plain, with the fields that it feels like today; only openid and session_key decide. */
export function readExchange(answer: WechatAnswer): Exchange {
  if (answer.kind !== 'body') return answer;
  const { text } = answer;
  // PHP takes an empty string and "0" for no answer at all.
  if (text === '' || text === '0') return { kind: 'unreachable', reason: 'wechat_empty' };
  const fields = parseObject(text);
  const { openid, session_key: sessionKey, unionid, expires_in: expiresIn, errcode, errmsg } = fields ?? {};
  if (isToken(openid) && isToken(sessionKey)) {
    return {
      kind: 'session',
      openId: openid,
      sessionKey,
      ...(isToken(unionid) ? { unionId: unionid } : {}),
      ...(isDuration(expiresIn) ? { expiresIn } : {}),
    };
  }
  if ((errcode ?? null) !== null && (errmsg ?? null) !== null) return refuse(readErrcode(errcode), errmsg);
  return { kind: 'invalid' };
}

/** Passed on with its type. A number beyond what a double holds has become infinite, which JSON can't say. */
function isDuration(value: unknown): value is number | string {
  return typeof value === 'number' ? Number.isFinite(value) : isToken(value);
}

/** Whether the database can hold it as an openid, unionid or session_key. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength;
}
