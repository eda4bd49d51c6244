import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { Eraser } from '../erasure/eraser.ts';
import { actorOf } from './forget.ts';

/** What WeChat has told the app of a user, in the worker: what the user takes back goes. */
export function createWechatEventHandler(eraser: Eraser): CallHandler<'wechatEvent'> {
  return async ({ appid, openId, event, part, caller }, context) => {
    try {
      await eraser.erase({ part, person: { openId, appid }, actor: actorOf(caller), action: event });
      return succeed('WECHAT_EVENT_SUCCESS', '{}');
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'event of WeChat not carried out');
      return fail('sessionNotWritten', 'store_unavailable');
    }
  };
}
