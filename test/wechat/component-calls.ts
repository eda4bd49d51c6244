import { badCode, rememberSession, unknownAppid, type WechatCall } from './call.ts';
import { send, type Reply, type Target } from './target.ts';
import { userCalls } from './user-calls.ts';

/** Every call about a mini program that has authorised a third-party platform. */
export const componentCalls: readonly WechatCall[] = [
  {
    title: 'component jscode2session, no token',
    make: (target) => exchange(target, { component_access_token: '', js_code: badCode }),
  },
  {
    title: 'component jscode2session, invalid token',
    make: (target) => exchange(target, { component_access_token: 'invalid', js_code: badCode }),
  },
  {
    title: 'component jscode2session, another platform',
    make: (target) => exchange(target, { component_appid: unknownAppid, js_code: badCode }),
  },
  { title: 'component jscode2session, no appid', make: (target) => exchange(target, { appid: '', js_code: badCode }) },
  { title: 'component jscode2session, no code', make: (target) => exchange(target, { js_code: '' }) },
  { title: 'component jscode2session, invalid code', make: (target) => exchange(target, { js_code: badCode }) },
  {
    title: 'component jscode2session, fresh code',
    make: async (target) => rememberSession(target, await exchange(target, {})),
  },
  { title: 'component jscode2session, used code', make: (target) => exchange(target, {}) },
  ...userCalls,
];

function exchange(target: Target, different: Record<string, string>): Promise<Reply> {
  const { appid, secret, code, componentAppid = '' } = target;
  const platform = { component_appid: componentAppid, component_access_token: secret };
  const query = { appid, js_code: code, grant_type: 'authorization_code', ...platform, ...different };
  return send(target, '/sns/component/jscode2session', query);
}
