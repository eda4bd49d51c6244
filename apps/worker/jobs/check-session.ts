import { succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import { traceCalls } from '../../../shared/wechat/traced-calls.ts';
import { isSessionKeyLive } from '../wechat/session-key.ts';
import { findTokenSource, prepareUserCall, tellStoreFailure, type UserCallDeps } from './user-call.ts';

/** qcloud.cam.checksession in the worker: is the stored session_key still the live one at WeChat? */
export function createCheckSessionHandler(deps: UserCallDeps): CallHandler<'checkSession'> {
  const { wechat, callWithToken } = deps;
  return tellStoreFailure('session key not checked', async (request, context) => {
    const prepared = await prepareUserCall(deps, request, context);
    if (!prepared.ok) return prepared;
    const { app, openId, sessionKey } = prepared;
    const source = findTokenSource(deps, app, 'checksession');
    if (!source.ok) return source;
    const result = await callWithToken(
      {
        app,
        tokenOf: source.tokenOf,
        openId,
        caller: request.caller,
        api: 'checksession',
        send: (accessToken, timeoutMs) =>
          isSessionKeyLive(traceCalls(wechat, context.span), { accessToken, openId, sessionKey }, timeoutMs),
      },
      context,
    );
    if (result.kind !== 'ok') return toFailure(result);
    return succeed('CHECKSESSION_SUCCESS', `{"valid":${result.value}}`);
  });
}
