import type { WecomUser } from '../../shared/session/wechat-user.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { parseCorps } from '../../shared/store/corps.ts';

/** Who an app's user is inside WeCom, out of his openId (shared/wechat/kinds/wecom.ts); undefined in apps of other kinds. */
export function wecomUserOf(
  { kind, secret = '' }: Partial<Pick<AppWithSecret, 'kind' | 'secret'>>,
  openId: string,
): WecomUser | undefined {
  if (kind !== 'wecom') return undefined;
  const slash = openId.indexOf('/');
  if (slash < 0) return { userid: openId, corpid: parseCorps(secret)[0]?.corpid };
  return { corpid: openId.slice(0, slash), userid: openId.slice(slash + 1) };
}
