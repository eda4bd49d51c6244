import { badCode, rememberToken, wrongSecret, type WechatCall } from './call.ts';
import { send, type Reply, type Target } from './target.ts';

const unknownCorp = 'ww0000000000000000';

const needsToken = ({ known, accessTokenFrom }: Target) => (known.accessToken ? undefined : accessTokenFrom);

/** Every call about a mini program inside WeCom. */
export const wecomCalls: readonly WechatCall[] = [
  { title: 'gettoken, unknown corpid', make: (target) => fetchToken(target, { corpid: unknownCorp }) },
  { title: 'gettoken, wrong secret', make: (target) => fetchToken(target, { corpsecret: wrongSecret }) },
  { title: 'gettoken', make: async (target) => rememberToken(target, await fetchToken(target, {})) },
  {
    title: 'wecom jscode2session, no token',
    make: (target) => exchange(target, { access_token: '', js_code: badCode }),
  },
  {
    title: 'wecom jscode2session, invalid token',
    make: (target) => exchange(target, { access_token: 'invalid', js_code: badCode }),
  },
  {
    title: 'wecom jscode2session, no code',
    needs: needsToken,
    make: (target) => exchange(target, { js_code: '' }),
  },
  {
    title: 'wecom jscode2session, invalid code',
    needs: needsToken,
    make: (target) => exchange(target, { js_code: badCode }),
  },
  { title: 'wecom jscode2session, fresh code', needs: needsToken, make: (target) => exchange(target, {}) },
  { title: 'wecom jscode2session, used code', needs: needsToken, make: (target) => exchange(target, {}) },
];

function fetchToken(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid: corpid, secret: corpsecret } = target;
  return send(target, '/cgi-bin/gettoken', { corpid, corpsecret, ...different });
}

function exchange(target: Target, different: Record<string, string>): Promise<Reply> {
  const { code, known } = target;
  const query = { access_token: known.accessToken ?? '', js_code: code, grant_type: 'authorization_code' };
  return send(target, '/cgi-bin/miniprogram/jscode2session', { ...query, ...different });
}
