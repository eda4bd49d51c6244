import { toAsciiJson } from '../../../shared/protocol/ascii-json.ts';
import { readFields, type WechatResult } from '../../../shared/wechat/answer.ts';
import { toSignedQuery, type KeyOwner } from './session-key.ts';
import type { WechatCalls } from '../../../shared/wechat/traced-calls.ts';

const path = '/wxa/business/getuserencryptkey';
/** WeChat's errcode for another method than GET. */
const wantsGet = '43001';

/**
 * A user's current encryption keys, at most three
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/internet/getUserEncryptKey.html). The document says GET; what
 * works is a POST without a body, while any body is refused as a wrong signature. Should WeChat follow its document one day, it says so.
 * @returns WeChat's key_info_list as ASCII JSON
 */
export async function getEncryptKeys(
  wechat: WechatCalls,
  owner: KeyOwner,
  timeoutMs: number,
): Promise<WechatResult<string>> {
  const query = toSignedQuery(owner);
  const startedAt = performance.now();
  const posted = readFields(await wechat.post(path, query, undefined, timeoutMs));
  const leftMs = timeoutMs - (performance.now() - startedAt);
  const result =
    posted.kind === 'refused' && posted.errcode === wantsGet
      ? readFields(await wechat.get(path, query, leftMs))
      : posted;
  if (result.kind !== 'ok') return result;
  const keys = result.value['key_info_list'];
  return Array.isArray(keys) ? { kind: 'ok', value: toAsciiJson(JSON.stringify(keys)) } : { kind: 'invalid' };
}
