import type { Log } from '../../../shared/log/log.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { code2Session, type Exchange } from '../wechat/code2session.ts';
import type { WechatClient } from '../wechat/client.ts';

/** WeChat's errcode for a wrong secret; the code is not spent then. */
const wrongSecret = '40125';

/** Apps of which it was said already that only the previous secret works. */
const told = new Set<string>();

/**
 * code2Session with the app's secret; while it is being changed, with the previous one where WeChat does not know the new one yet.
 */
export async function askWithSecrets(
  wechat: WechatClient,
  app: AppWithSecret,
  code: string,
  timeoutMs: number,
  log: Log,
): Promise<Exchange> {
  const startedAt = performance.now();
  const exchange = await code2Session(wechat, { ...app, code }, timeoutMs);
  const { appid, previousSecret } = app;
  const isWrong = exchange.kind === 'refused' && exchange.errcode === wrongSecret;
  if (!isWrong || previousSecret === undefined) {
    if (exchange.kind === 'session') told.delete(appid);
    return exchange;
  }
  if (!told.has(appid)) {
    told.add(appid);
    log.warn(
      { appid },
      'WeChat refuses the new app secret (40125): the previous one is used. Check it with: wafer doctor',
    );
  }
  const remainingMs = Math.max(timeoutMs - (performance.now() - startedAt), 1);
  return code2Session(wechat, { appid, secret: previousSecret, code }, remainingMs);
}
