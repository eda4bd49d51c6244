import type { Config } from '../../../shared/config/config.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { toPlainText } from '../text.ts';
import { fault, ok, warning, type Finding } from './finding.ts';

/** No mini program ever gets this from wx.login, so asking for it spends nobody's code. */
const impossibleCode = 'wafer-doctor';
const maxTimeoutMs = 3000;
const maxAnswerLength = 10_000;

type Answer =
  | { readonly kind: 'answer'; readonly errcode: string | undefined; readonly errmsg: string }
  | { readonly kind: 'silent'; readonly reason: string };

/** Whether WeChat can be reached at all: without an app it answers that the appid is missing. */
export async function checkWechat(wechat: Config['wechat']): Promise<Finding> {
  const check = 'wechat.reachable';
  const answer = await ask(wechat, {});
  if (answer.kind === 'answer') return ok(check, `${wechat.apiBase} answers`);
  return fault(
    check,
    `${wechat.apiBase} does not answer as WeChat does: ${answer.reason}`,
    `Let this machine reach it (firewall, DNS, proxy), or correct WECHAT_API_BASE. Try: curl -sS ${wechat.apiBase}/sns/jscode2session`,
  );
}

/** Asks WeChat to exchange an impossible code: what it says against shows whether appid and secret are good. Costs no quota of tokens. */
export async function checkAppAtWechat(
  wechat: Config['wechat'],
  { appid, secret, secretFault }: AppWithSecret,
): Promise<Finding> {
  const check = `wechat.app ${toPlainText(appid)}`;
  const setAgain = `npm run wafer -- app set ${toPlainText(appid)}`;
  if (secretFault !== undefined)
    return warning(check, 'not checked: its secret can not be read here', 'See the finding about keys.');
  if (secret === '') return fault(check, 'it has no secret', setAgain);
  const answer = await ask(wechat, { appid, secret, js_code: impossibleCode, grant_type: 'authorization_code' });
  if (answer.kind === 'silent')
    return fault(check, `not checked: ${answer.reason}`, 'Run this again; if it stays so, check the network.');
  switch (answer.errcode) {
    case undefined:
    case '0':
      return ok(check, 'appid and secret are accepted, by a simulated WeChat');
    case '40029':
    case '40163':
      return ok(check, 'appid and secret are accepted');
    case '40125':
      return fault(
        check,
        'WeChat says that the secret is wrong (40125)',
        `${setAgain}, with the AppSecret of mp.weixin.qq.com, Development settings`,
      );
    case '40013':
      return fault(
        check,
        'WeChat does not know this appid (40013)',
        `npm run wafer -- app remove ${toPlainText(appid)}, then app set with the right one`,
      );
    case '40164':
      return fault(
        check,
        `WeChat does not accept this machine's address${readAddress(answer.errmsg)} (40164)`,
        'Add the address to the IP allow-list at mp.weixin.qq.com, Development settings.',
      );
    case '-1':
      return warning(check, 'WeChat is busy (-1)', 'Run this again in a while.');
    case '45009':
    case '45011':
      return warning(
        check,
        `WeChat says that it is called too often (${answer.errcode})`,
        'Wait a minute, or raise the quota at mp.weixin.qq.com; then run this again.',
      );
    default:
      return warning(
        check,
        `WeChat answers errcode ${answer.errcode}`,
        'Look it up at https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html',
      );
  }
}

/** @param query holds the secret: neither it nor an error that may quote it gets out of here */
async function ask({ apiBase, timeoutMs }: Config['wechat'], query: Record<string, string>): Promise<Answer> {
  const limitMs = Math.min(timeoutMs, maxTimeoutMs);
  const signal = AbortSignal.timeout(limitMs);
  try {
    const parameters = new URLSearchParams(query).toString();
    const response = await fetch(`${apiBase}/sns/jscode2session?${parameters}`, { signal, redirect: 'manual' });
    const text = await response.text();
    if (response.status !== 200) return { kind: 'silent', reason: `HTTP ${response.status}` };
    return readAnswer(text.slice(0, maxAnswerLength));
  } catch (error) {
    if (signal.aborted) return { kind: 'silent', reason: `nothing within ${limitMs} ms` };
    const code = ((error as Error).cause as { code?: unknown } | undefined)?.code;
    return { kind: 'silent', reason: typeof code === 'string' ? code : 'no connection' };
  }
}

function readAnswer(text: string): Answer {
  try {
    const { errcode, errmsg, openid } = JSON.parse(text) as Record<string, unknown>;
    if (errcode === undefined && openid === undefined) return { kind: 'silent', reason: 'an answer without errcode' };
    return {
      kind: 'answer',
      errcode: errcode === undefined ? undefined : readErrcode(errcode),
      errmsg: typeof errmsg === 'string' ? errmsg : '',
    };
  } catch {
    return { kind: 'silent', reason: 'an answer that is no JSON' };
  }
}

function readErrcode(errcode: unknown): string {
  const text = typeof errcode === 'number' ? String(errcode) : errcode;
  return typeof text === 'string' && /^-?\d{1,10}$/.test(text) ? text : 'unknown';
}

/** WeChat names the address that it sees: `invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist`. */
function readAddress(errmsg: string): string {
  const address = /\binvalid ip ([0-9a-f.:]{3,45})/i.exec(errmsg)?.[1];
  return address === undefined ? '' : ` ${address}`;
}
