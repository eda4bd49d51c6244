import { badCode, rememberSession, rememberToken, unknownAppid, wrongSecret, type WechatCall } from './call.ts';
import { send, type Reply, type Target } from './target.ts';
import { userCalls } from './user-calls.ts';

/** Every call about a mini program with a secret of its own. */
export const wechatCalls: readonly WechatCall[] = [
  { title: 'jscode2session, unknown appid', make: (target) => exchange(target, { appid: unknownAppid }) },
  {
    title: 'jscode2session, wrong secret',
    make: (target) => exchange(target, { secret: wrongSecret, js_code: badCode }),
  },
  { title: 'jscode2session, no code', make: (target) => exchange(target, { js_code: '' }) },
  { title: 'jscode2session, invalid code', make: (target) => exchange(target, { js_code: badCode }) },
  {
    title: 'jscode2session, fresh code',
    make: async (target) => rememberSession(target, await exchange(target, {})),
  },
  { title: 'jscode2session, used code', make: (target) => exchange(target, {}) },
  { title: 'stable_token, unknown appid', make: (target) => fetchToken(target, { appid: unknownAppid }) },
  { title: 'stable_token, wrong secret', make: (target) => fetchToken(target, { secret: wrongSecret }) },
  {
    title: 'stable_token',
    make: async (target) => rememberToken(target, await fetchToken(target, {})),
  },
  ...userCalls,
];

function exchange(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid, secret, code } = target;
  const query = { appid, secret, js_code: code, grant_type: 'authorization_code', ...different };
  return send(target, '/sns/jscode2session', query);
}

/** Without force_refresh: the tokens that others use stay good. */
function fetchToken(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid, secret } = target;
  return send(target, '/cgi-bin/stable_token', {}, { grant_type: 'client_credential', appid, secret, ...different });
}
