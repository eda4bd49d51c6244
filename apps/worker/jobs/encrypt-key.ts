import { succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import { traceCalls } from '../../../shared/wechat/traced-calls.ts';
import { getEncryptKeys } from '../wechat/encrypt-keys.ts';
import { findTokenSource, prepareUserCall, tellStoreFailure, type UserCallDeps } from './user-call.ts';

/** qcloud.cam.encryptkey in the worker: the keys by which mini program and back end encrypt what they send each other. */
export function createEncryptKeyHandler(deps: UserCallDeps): CallHandler<'encryptKey'> {
  const { wechat, callWithToken } = deps;
  return tellStoreFailure('encryption keys not fetched', async (request, context) => {
    const prepared = await prepareUserCall(deps, request, context);
    if (!prepared.ok) return prepared;
    const { app, openId, sessionKey } = prepared;
    const source = findTokenSource(deps, app, 'getuserencryptkey');
    if (!source.ok) return source;
    const result = await callWithToken(
      {
        app,
        tokenOf: source.tokenOf,
        openId,
        caller: request.caller,
        api: 'getuserencryptkey',
        send: (accessToken, timeoutMs) =>
          getEncryptKeys(traceCalls(wechat, context.span), { accessToken, openId, sessionKey }, timeoutMs),
      },
      context,
    );
    return result.kind === 'ok'
      ? succeed('ENCRYPTKEY_SUCCESS', `{"key_info_list":${result.value}}`)
      : toFailure(result);
  });
}
