import { describeError } from '../../../shared/log/log.ts';
import { fail, type Failure, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { SessionRequest } from '../../../shared/rpc/contract.ts';
import type { CallContext } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import type { CallWithToken } from '../wechat/call-with-token.ts';
import type { WechatClient } from '../../../shared/wechat/client.ts';
import { findApp } from './app.ts';
import { findKey, type FoundKey, type KeySource } from './find-key.ts';

import type { FindKind, UserCallName } from '../../../shared/wechat/kinds/kind.ts';
import type { TokenSourceOf } from '../../../shared/wechat/token-source.ts';

/** What the jobs are made of that ask WeChat about a session's user. */
export interface UserCallDeps {
  readonly apps: AppSettings<AppWithSecret>;
  readonly keySource: KeySource;
  readonly kindOf: FindKind;
  readonly wechat: WechatClient;
  readonly callWithToken: CallWithToken;
}

/** The session's key and app, or the answer that there is none. */
export async function prepareUserCall(
  { apps, keySource }: UserCallDeps,
  request: SessionRequest,
  context: CallContext,
): Promise<(FoundKey & { readonly app: AppWithSecret }) | Failure> {
  const found = await findKey(keySource, request, context);
  if (!found.ok) return found;
  const app = await findApp(apps, request.appid);
  if (app?.secretFault !== undefined) return fail('databaseError', app.secretFault);
  return app === undefined ? fail('noApp') : { app, ...found };
}

/**
 * Where the token of a call about a user comes from.
 * @returns 1010 if apps of this kind have no such call
 */
export function findTokenSource(
  { kindOf }: Pick<UserCallDeps, 'kindOf'>,
  app: AppWithSecret,
  call?: UserCallName,
): { readonly ok: true; readonly tokenOf: TokenSourceOf } | Failure {
  const kind = kindOf(app);
  if (kind === undefined) return fail('databaseError', 'kind_unknown');
  const { tokenOf, calls } = kind;
  if (tokenOf === undefined || (call !== undefined && !calls.has(call)))
    return fail('unknownInterface', 'not_for_this_kind');
  return { ok: true, tokenOf };
}

/** Answers 1001 where Redis, and with it the access token, or the app settings can not be read. */
export function tellStoreFailure<Request, Answer>(
  message: string,
  handle: (request: Request, context: CallContext) => Promise<Answer>,
): (request: Request, context: CallContext) => Promise<Answer | Outcome> {
  return async (request, context) => {
    try {
      return await handle(request, context);
    } catch (error) {
      context.log.warn({ err: describeError(error) }, message);
      return fail('databaseError', 'store_unavailable');
    }
  };
}
