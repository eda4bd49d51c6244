import { toQuery } from '../answer.ts';
import type { WechatClient } from '../client.ts';
import { readExchange } from '../code2session.ts';
import { createTokenServiceSource, type TokenSource } from '../token-source.ts';
import { traceCalls } from '../traced-calls.ts';
import { exchangeWithToken } from './exchange-with-token.ts';
import { everyUserCall, type KindOfApp } from './kind.ts';

/**
 * A mini program that has authorised a third-party platform, whose back ends this server works for
 * (https://developers.weixin.qq.com/doc/oplatform/openApi/OpenApiDoc/miniprogram-management/login/thirdpartyCode2Session.html). It has no
 * secret here: both tokens come from whoever holds the platform's ticket, at addresses like that of WECHAT_TOKEN_URL.
 */
export const componentKind: KindOfApp = {
  name: 'component',
  create({ config, wechat, connect, watch, tokens, installation }) {
    const { componentTokenUrl, authorizerTokenUrl } = config.wechat;
    const open = (url: string | undefined) => (url === undefined ? undefined : connect(url));
    const componentService = open(componentTokenUrl);
    const authorizerService = open(authorizerTokenUrl);

    const componentToken = (componentAppid: string): TokenSource =>
      fromService(componentService, 'component_token_url_missing', (service) =>
        createTokenServiceSource(service, watch, {
          key: `component:${componentAppid}`,
          appid: componentAppid,
          api: 'component_token_service',
          query: { appid: componentAppid },
          installation,
        }),
      );

    return {
      async exchange({ app, code, caller, timeoutMs, context }) {
        const { appid, componentAppid = '' } = app;
        return exchangeWithToken(tokens, componentToken(componentAppid), { timeoutMs, context }, (accessToken, ms) => {
          const query = toQuery({
            appid,
            js_code: code,
            grant_type: 'authorization_code',
            component_appid: componentAppid,
            component_access_token: accessToken,
          });
          return watch.ask({ appid, api: 'component_code2session', code, caller }, async () =>
            readExchange(await traceCalls(wechat, context.span).leanGet('/sns/component/jscode2session', query, ms)),
          );
        });
      },
      tokenOf: ({ appid, componentAppid = '' }) =>
        fromService(authorizerService, 'authorizer_token_url_missing', (service) =>
          createTokenServiceSource(service, watch, {
            key: appid,
            appid,
            api: 'authorizer_token_service',
            query: { appid, component_appid: componentAppid },
            installation,
          }),
        ),
      calls: everyUserCall,
    };
  },
};

function fromService(
  service: WechatClient | undefined,
  reason: string,
  create: (service: WechatClient) => TokenSource,
): TokenSource {
  if (service !== undefined) return create(service);
  return { key: reason, fetch: async () => ({ kind: 'unreachable', reason }) };
}
