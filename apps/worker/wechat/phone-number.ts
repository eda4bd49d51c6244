import { toAsciiJson } from '../../../shared/protocol/ascii-json.ts';
import { readFields, toQuery, type WechatResult } from '../../../shared/wechat/answer.ts';
import type { WechatCalls } from '../../../shared/wechat/traced-calls.ts';

/**
 * The phone number behind the code of a button
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html). The code is spent by this.
 * @returns WeChat's phone_info as ASCII JSON, with all its fields
 */
export async function getPhoneNumber(
  wechat: WechatCalls,
  { accessToken, code }: { accessToken: string; code: string },
  timeoutMs: number,
): Promise<WechatResult<string>> {
  const query = toQuery({ access_token: accessToken });
  const result = readFields(await wechat.post('/wxa/business/getuserphonenumber', query, { code }, timeoutMs));
  if (result.kind !== 'ok') return result;
  const phoneInfo = result.value['phone_info'];
  if (typeof phoneInfo !== 'object' || phoneInfo === null || Array.isArray(phoneInfo)) return { kind: 'invalid' };
  return { kind: 'ok', value: toAsciiJson(JSON.stringify(phoneInfo)) };
}
