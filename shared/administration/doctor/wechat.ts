import { toPlainText } from '../../log/plain-text.ts';
import type { Config } from '../../config/config.ts';
import type { AppWithSecret } from '../../store/app-reader.ts';
import { readErrmsg } from '../../wechat/errmsg.ts';
import { explainErrcode, quote } from './wechat-errcodes.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { askWechat, type NoAnswer } from './wechat-ask.ts';

/** No mini program ever gets this from wx.login, so asking for it spends nobody's code. */
const impossibleCode = 'wafer-doctor';
const exchangePath = '/sns/jscode2session';
/** From here on log-ins are felt to be slow. */
const slowMs = 1000;

/** Whether WeChat can be reached at all: without an app it answers that the appid is missing. */
export async function checkWechat(wechat: Config['wechat']): Promise<Finding> {
  const check = 'wechat.reachable';
  const answer = await askWechat(wechat, exchangePath, {});
  if (answer.kind === 'none') return describeSilence(wechat, answer);
  const found = `${wechat.apiBase} answers, in ${Math.round(answer.durationMs)} ms`;
  if (answer.durationMs < slowMs) return ok(check, found);
  return warning(
    check,
    found,
    'Log-ins take at least as long. If other addresses are fast from here, it is WeChat: it passes; auth checks do not need it.',
    'wechat_slow',
  );
}

const noAnswerRemedies: Readonly<Record<NoAnswer['cause'], string>> = {
  wechat_silent:
    'WeChat is slow, or packets get lost on the way: look at firewall, proxy and network. Log-ins fail with 1005 meanwhile; sessions go on.',
  wechat_down: 'Nothing listens there: correct WECHAT_API_BASE, or start the simulated WeChat.',
  wechat_host: 'The name has no address: correct the DNS of this machine, or WECHAT_API_BASE.',
  wechat_reset: 'Something on the way cuts the connection: look at firewall and proxy.',
  wechat_tls:
    'Something on the way shows a certificate of its own (a proxy that looks into TLS), or the clock of this machine is wrong. Correct that; NODE_EXTRA_CA_CERTS names a CA of your own.',
  wechat_garbage:
    'Something else than WeChat answers: a proxy, a login page of the network, or a wrong WECHAT_API_BASE. See what it says.',
};

function describeSilence({ apiBase }: Config['wechat'], { cause, reason }: NoAnswer): Finding {
  return fault(
    'wechat.reachable',
    `${apiBase} does not answer as WeChat does: ${reason}`,
    `${noAnswerRemedies[cause]} HTTPS_PROXY is not read: workers go there directly. Try: curl -sS --noproxy '*' ${apiBase}/sns/jscode2session`,
    cause,
  );
}

/** Of other kinds there is no secret that WeChat could be asked about with a made-up code. */
export function checkAppOfKind(
  { componentTokenUrl, authorizerTokenUrl }: Config['wechat'],
  app: AppWithSecret & { readonly kind: string },
): Finding {
  const appid = toPlainText(app.appid);
  const check = `wechat.app ${appid}`;
  const tryIt = 'try a log-in';
  if (app.kind !== 'component') return ok(check, `of kind ${toPlainText(app.kind)}; not asked: ${tryIt}`);
  const missing = [
    ...(componentTokenUrl === undefined ? ['WECHAT_COMPONENT_TOKEN_URL'] : []),
    ...(authorizerTokenUrl === undefined ? ['WECHAT_AUTHORIZER_TOKEN_URL'] : []),
  ];
  if (missing.length === 0) return ok(check, `of kind component; not asked: ${tryIt}`);
  return fault(
    check,
    `of kind component, and ${missing.join(' and ')} is not set`,
    'Set the addresses at which your platform tells its tokens, for every worker; .env.example shows the form.',
    'component_token_url',
  );
}

/** Asks WeChat to exchange an impossible code: what it says against shows whether appid and secret are good. Costs no quota of tokens. */
export async function checkAppAtWechat(
  wechat: Config['wechat'],
  { appid, secret, secretFault }: AppWithSecret,
): Promise<Finding> {
  const check = `wechat.app ${toPlainText(appid)}`;
  const setAgain = `npx wafer app set ${toPlainText(appid)}`;
  if (secretFault !== undefined)
    return warning(check, 'not checked: its secret can not be read here', 'See the finding about keys.');
  if (secret === '') return fault(check, 'it has no secret', setAgain);
  const answer = await askWechat(wechat, exchangePath, {
    appid,
    secret,
    js_code: impossibleCode,
    grant_type: 'authorization_code',
  });
  if (answer.kind === 'none')
    return fault(
      check,
      `not checked: ${answer.reason}`,
      'Run this again; if it stays so, check the network.',
      answer.cause,
    );
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
        'wechat_secret',
      );
    case '40013':
      return fault(
        check,
        'WeChat does not know this appid (40013)',
        `npx wafer app remove ${toPlainText(appid)}, then app set with the right one`,
        'wechat_appid',
      );
    case '40164':
      return fault(
        check,
        `WeChat does not accept this machine's address${readAddress(answer.errmsg)} (40164)`,
        'Add the address to the IP allow-list at mp.weixin.qq.com, Development settings.',
        'wechat_ip',
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
    default: {
      const explained = explainErrcode(answer.errcode);
      const found = `WeChat answers errcode ${answer.errcode}${quote(readErrmsg(answer.errmsg))}`;
      if (explained !== undefined) return fault(check, found, explained, 'wechat_refuses');
      return warning(
        check,
        found,
        'Look it up at https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html',
      );
    }
  }
}

/** WeChat names the address that it sees: `invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist`. */
function readAddress(errmsg: string): string {
  const address = /\binvalid ip ([0-9a-f.:]{3,45})/i.exec(errmsg)?.[1];
  return address === undefined ? '' : ` ${address}`;
}
