import { toAsciiJson } from '../../../shared/protocol/ascii-json.ts';
import { readFields, toQuery, type WechatResult } from './answer.ts';
import type { WechatClient } from './client.ts';

/**
 * The phone number behind the code of a button
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html). The code is spent by this.
 * @returns WeChat's phone_info as ASCII JSON, with all its fields
 */
export async function getPhoneNumber(
  wechat: WechatClient,
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
