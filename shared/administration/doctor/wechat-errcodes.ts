import type { Said } from '../../wechat/errmsg.ts';

const signing =
  'API signing is switched on for this app, and this server does not sign: switch it off at mp.weixin.qq.com, Development settings, API security.';

/** What to do about errcodes that WeChat's own words leave open. */
const explanations: Readonly<Record<string, string>> = {
  '40226':
    'WeChat takes this user for a risk and lets nobody log in as them: no retry helps, only the user can ask WeChat.',
  '40230': signing,
  '40231': signing,
  '40232': signing,
  '40233': signing,
  '40234': signing,
  '40235': signing,
  '40236': signing,
  '61003': 'The app has not authorised the third-party platform, or no longer does: have its owner authorise it again.',
};

export function explainErrcode(errcode: string): string | undefined {
  return Object.hasOwn(explanations, errcode) ? explanations[errcode] : undefined;
}

/** WeChat's own words, with the name of the request for its support. */
export function quote(said: Said | undefined): string {
  if (said === undefined) return '';
  const rid = said.rid === undefined ? '' : ` (rid ${said.rid}, for WeChat\u2019s support)`;
  return said.errmsg === '' ? rid : `, \u201C${said.errmsg}\u201D${rid}`;
}
