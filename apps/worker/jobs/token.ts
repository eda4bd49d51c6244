import { fail, succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { CallContext, CallHandler } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { hashToken, type AccessTokens } from '../../../shared/wechat/access-token.ts';
import { toFailure } from '../../../shared/wechat/answer.ts';
import type { FindKind } from '../../../shared/wechat/kinds/kind.ts';
import { findApp } from './app.ts';
import { findTokenSource, tellStoreFailure } from './user-call.ts';

/**
 * Hands the access token of an app out to a caller who was let have it. Each time is a line of the log, which names the token by a
 * fingerprint that `wafer token show` tells too; how many there can be is bounded where callers ask.
 */
export function createTokenHandler(deps: {
  readonly apps: AppSettings<AppWithSecret>;
  readonly tokens: AccessTokens;
  readonly kindOf: FindKind;
  /** Names this one among those that pass tokens on to each other. */
  readonly installation: string;
}): CallHandler<'token'> {
  const { apps, tokens, installation } = deps;
  return tellStoreFailure('access token not handed out', async (request, context): Promise<Outcome> => {
    const { appid, caller, refused, via = [] } = request;
    if (via.includes(installation)) return refuseLoop(appid, context);
    const app = await findApp(apps, appid);
    if (app === undefined) return fail('noApp');
    if (app.secretFault !== undefined) return fail('databaseError', app.secretFault);
    const found = findTokenSource(deps, app);
    if (!found.ok) return found;
    const source = found.tokenOf(app);
    let token = await tokens.get(source, context, via);
    if (token.kind === 'ok' && refused !== undefined && hashToken(token.value.accessToken) === refused) {
      await tokens.forget(source, token.value);
      token = await tokens.get(source, context, via);
    }
    if (token.kind !== 'ok') return toFailure(token);
    const { accessToken, version, leftMs } = token.value;
    const seconds = Math.max(Math.floor(leftMs / 1000), 1);
    context.log.info({ caller, appid, fingerprint: version, seconds }, 'access token handed out');
    return succeed('TOKEN_SUCCESS', `{"access_token":${JSON.stringify(accessToken)},"expires_in":${seconds}}`);
  });
}

function refuseLoop(appid: string, { log }: CallContext): Outcome {
  log.error(
    { appid },
    'the token service leads back to this server: correct WECHAT_TOKEN_URL of one of those on the way',
  );
  return fail('wechatUnreachable', 'token_loop');
}
