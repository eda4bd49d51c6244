import { parseArgs } from 'node:util';
import { readSecret } from '../../apps/cli/secret-input.ts';
import type { Credentials } from './comparison.ts';

export const usage = `Tries every call of this server against the real WeChat, and says where the simulator differs.

  npm run test:wechat -- --appid wx0123456789abcdef --code 0a1B2c3D… [--phone-code e31968a7…]

  --appid        the mini program
  --code         fresh from wx.login(), in a developer tool or on a phone; good for five minutes and one run
  --phone-code   fresh from <button open-type="getPhoneNumber">; without it that call is not tried

The secret comes from WECHAT_TEST_SECRET, else from standard input or a prompt, never from the command line. WECHAT_API_BASE takes
another address than https://api.weixin.qq.com. The last call renews the session_key of that user: what was encrypted before can no longer
be decrypted, so take a test account. Exit status: 0 no difference, 1 differences or calls without an answer, 2 wrong usage.
Neither secrets nor what WeChat says of the user are printed.`;

export class UsageError extends Error {
  override name = 'UsageError';
}

/** @throws {UsageError} */
export async function readCredentials(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Credentials> {
  const { appid, code, 'phone-code': phoneCode } = parse(args);
  if (!appid || !code) throw new UsageError('--appid and --code are needed.');
  const secret = env['WECHAT_TEST_SECRET'] || (await readSecret(process, `Secret of ${appid}: `));
  return {
    apiBase: (env['WECHAT_API_BASE'] || 'https://api.weixin.qq.com').replace(/\/$/, ''),
    appid,
    secret,
    code,
    phoneCode,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { appid: text, code: text, 'phone-code': text } }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
