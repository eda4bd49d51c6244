import { parseArgs } from 'node:util';
import { readSecret } from '../../apps/cli/secret-input.ts';
import { kindNames, type Credentials, type KindName } from './comparison.ts';

export const usage = `Tries every call of this server about one kind of app against the real WeChat, and says where the simulator differs.

  npm run test:wechat -- --appid wx0123456789abcdef --code 0a1B2c3D… [--phone-code e31968a7…]
  npm run test:wechat -- --kind component --component wx9876543210fedcba --appid wx0123456789abcdef --code 0a1B2c3D…
  npm run test:wechat -- --kind wecom --corp ww0123456789abcdef --code 0a1B2c3D…

  --kind         wechat (default): a mini program with a secret of its own; component: one that has authorised a third-party platform;
                 wecom: one inside WeCom
  --appid        the mini program; not of kind wecom
  --component    the platform, of kind component
  --corp         the company, of kind wecom
  --code         fresh from wx.login(), or wx.qy.login() in WeCom, in a developer tool or on a phone; good for five minutes and one run
  --phone-code   fresh from <button open-type="getPhoneNumber">; without it that call is not tried. Not of kind wecom

What is secret comes from the environment, else from standard input or a prompt, never from the command line: the secret of the mini program,
or of the company's app in WeCom, as WECHAT_TEST_SECRET; the platform's component_access_token as WECHAT_TEST_COMPONENT_TOKEN. Of kind
component the calls about a user want the authorizer_access_token in WECHAT_TEST_AUTHORIZER_TOKEN; without it they are not tried.
WECHAT_API_BASE and, of kind wecom, WECOM_API_BASE take other addresses than WeChat's. The last call, but of kind wecom, renews the
session_key of that user: what was encrypted before can no longer be decrypted, so take a test account. Exit status: 0 no difference,
1 differences or calls without an answer, 2 wrong usage. Neither secrets nor what WeChat says of the user are printed.`;

export class UsageError extends Error {
  override name = 'UsageError';
}

type OptionName = 'appid' | 'component' | 'corp' | 'code' | 'phone-code';

/** The options of each kind, and which of them it can't do without. */
const optionsOfKind: Readonly<Record<KindName, { readonly needed: OptionName[]; readonly others: OptionName[] }>> = {
  wechat: { needed: ['appid', 'code'], others: ['phone-code'] },
  component: { needed: ['component', 'appid', 'code'], others: ['phone-code'] },
  wecom: { needed: ['corp', 'code'], others: [] },
};

/** @throws {UsageError} */
export async function readCredentials(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Credentials> {
  const { kind: name = 'wechat', ...options } = parse(args);
  const kind = kindNames.find((known) => known === name);
  if (kind === undefined) throw new UsageError(`--kind is one of ${kindNames.join(', ')}.`);
  checkOptions(kind, options);
  const { appid = options.corp ?? '', code = '', component, 'phone-code': phoneCode } = options;
  const base = kind === 'wecom' ? env['WECOM_API_BASE'] : env['WECHAT_API_BASE'];
  const usualBase = kind === 'wecom' ? 'https://qyapi.weixin.qq.com' : 'https://api.weixin.qq.com';
  return {
    kind,
    apiBase: (base || usualBase).replace(/\/$/, ''),
    appid,
    secret:
      kind === 'component'
        ? env['WECHAT_TEST_COMPONENT_TOKEN'] || (await readSecret(process, `component_access_token of ${component}: `))
        : env['WECHAT_TEST_SECRET'] || (await readSecret(process, `Secret of ${appid}: `)),
    componentAppid: component,
    authorizerToken: kind === 'component' ? env['WECHAT_TEST_AUTHORIZER_TOKEN'] || undefined : undefined,
    code,
    phoneCode,
  };
}

/** @throws {UsageError} */
function checkOptions(kind: KindName, options: Readonly<Partial<Record<OptionName, string>>>): void {
  const { needed, others } = optionsOfKind[kind];
  const list = (names: readonly OptionName[]) => names.map((name) => `--${name}`).join(', ');
  if (needed.some((name) => !options[name])) throw new UsageError(`Kind ${kind} needs ${list(needed)}.`);
  const given = Object.keys(options) as OptionName[];
  const foreign = given.filter((name) => ![...needed, ...others].includes(name));
  if (foreign.length > 0) throw new UsageError(`Kind ${kind} has no ${list(foreign)}.`);
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: { kind: text, appid: text, component: text, corp: text, code: text, 'phone-code': text },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
