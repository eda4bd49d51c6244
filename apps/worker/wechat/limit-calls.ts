import type { UserLimit } from '../user-limit.ts';
import type { CallWithToken } from './call-with-token.ts';

/** Calls about a user beyond what the limit allows are refused before anything is asked. */
export function limitCalls(callWithToken: CallWithToken, limit: UserLimit): CallWithToken {
  return async (call, context) =>
    (await limit.allows(call.app.appid, call.openId))
      ? callWithToken(call, context)
      : { kind: 'refused', errcode: 'limited', reason: 'limited' };
}
