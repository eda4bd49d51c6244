import type { Log } from '../log/log.ts';
import type { AppWithSecret } from '../store/app-reader.ts';
import type { WechatFailure } from './answer.ts';

/** WeChat's errcode for a wrong secret; nothing has been done then, a code is not spent. */
const wrongSecret = '40125';

/** Apps of which it was said already that only the previous secret works. */
const told = new Set<string>();

/**
 * A call with the app's secret; while it is being changed, with the previous one where WeChat does not know the new one yet.
 * @param timeoutMs for both together
 */
export async function askWithSecrets<Answer extends { readonly kind: string }>(
  app: AppWithSecret,
  ask: (secret: string, timeoutMs: number) => Promise<Answer | WechatFailure>,
  timeoutMs: number,
  log: Log,
): Promise<Answer | WechatFailure> {
  const startedAt = performance.now();
  const answer = await ask(app.secret, timeoutMs);
  const { appid, previousSecret } = app;
  const isWrong = 'errcode' in answer && answer.errcode === wrongSecret;
  if (!isWrong || previousSecret === undefined) {
    if (!['refused', 'unreachable', 'invalid'].includes(answer.kind)) told.delete(appid);
    return answer;
  }
  if (!told.has(appid)) {
    told.add(appid);
    log.warn(
      { appid },
      'WeChat refuses the new app secret (40125): the previous one is used. Check it with: wafer doctor',
    );
  }
  return ask(previousSecret, Math.max(timeoutMs - (performance.now() - startedAt), 1));
}
