import { setTimeout } from 'node:timers/promises';
import type { Sequelize } from 'sequelize';
import { describeError } from '../../../shared/log/log.ts';
import { fail, succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import { reserveMs, type CallContext, type CallHandler } from '../rpc/server.ts';
import { updateSessionKey } from '../store/session-key-writer.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import { traceCalls } from '../../../shared/wechat/traced-calls.ts';
import { resetSessionKey } from '../wechat/session-key.ts';
import { findTokenSource, prepareUserCall, tellStoreFailure, type UserCallDeps } from './user-call.ts';

const retryMs = 200;

/** qcloud.cam.resetkey in the worker: WeChat renews the session_key, and the new one is stored. Nobody else ever sees it. */
export function createResetKeyHandler(deps: UserCallDeps & { readonly sequelize: Sequelize }): CallHandler<'resetKey'> {
  const { sequelize, keySource, wechat, callWithToken } = deps;

  /** The old key is dead by now, so this is worth more than one try. */
  const store = async (
    keys: { openId: string; sessionKey: string; newKey: string },
    context: CallContext,
  ): Promise<Outcome> => {
    for (;;) {
      try {
        const isStored = await updateSessionKey(sequelize, keySource.cipher, keys);
        return isStored ? succeed('RESETKEY_SUCCESS', '{}') : fail('sessionNotWritten', 'session_changed');
      } catch (error) {
        context.log.warn({ err: describeError(error) }, 'session key not written');
        if (context.remainingMs() < reserveMs + retryMs) return fail('sessionNotWritten', 'store_unavailable');
      }
      await setTimeout(retryMs);
    }
  };

  return tellStoreFailure('session key not renewed', async (request, context) => {
    const prepared = await prepareUserCall(deps, request, context);
    if (!prepared.ok) return prepared;
    const { app, openId, sessionKey } = prepared;
    const source = findTokenSource(deps, app, 'resetusersessionkey');
    if (!source.ok) return source;
    const result = await callWithToken(
      {
        app,
        tokenOf: source.tokenOf,
        openId,
        caller: request.caller,
        api: 'resetusersessionkey',
        send: (accessToken, timeoutMs) =>
          resetSessionKey(traceCalls(wechat, context.span), { accessToken, openId, sessionKey }, timeoutMs),
      },
      context,
    );
    return result.kind === 'ok' ? store({ openId, sessionKey, newKey: result.value }, context) : toFailure(result);
  });
}
