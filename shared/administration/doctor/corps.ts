import type { Config } from '../../config/config.ts';
import { toPlainText } from '../../log/plain-text.ts';
import type { AppWithSecret } from '../../store/app-reader.ts';
import { parseCorps, type Corp } from '../../store/corps.ts';
import { readErrmsg } from '../../wechat/errmsg.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { askWechat } from './wechat-ask.ts';
import { quote } from './wechat-errcodes.ts';

/**
 * Asks WeCom for the token of each company of an app. Until its end WeCom answers the same token again, so nobody loses theirs by it
 * (https://developer.work.weixin.qq.com/document/path/91039).
 */
export async function checkCorps(
  { apiBase, timeoutMs }: Config['wecom'] & Pick<Config['wechat'], 'timeoutMs'>,
  app: AppWithSecret,
): Promise<Finding[]> {
  const appid = toPlainText(app.appid);
  const check = `wechat.app ${appid}`;
  if (app.secretFault !== undefined)
    return [warning(check, 'not checked: its secrets can not be read here', 'See the finding about keys.')];
  const corps = parseCorps(app.secret);
  const setCorp = `npx wafer app set ${appid} --corp`;
  if (corps.length === 0)
    return [fault(check, 'of kind wecom, without a company', `${setCorp} <corpid>`, 'corp_missing')];
  return Promise.all(corps.map((corp) => checkCorp({ apiBase, timeoutMs }, check, setCorp, corp)));
}

async function checkCorp(
  wecom: { readonly apiBase: string; readonly timeoutMs: number },
  check: string,
  setCorp: string,
  { corpid, secret }: Corp,
): Promise<Finding> {
  const answer = await askWechat(wecom, '/cgi-bin/gettoken', { corpid, corpsecret: secret });
  if (answer.kind === 'none')
    return fault(
      check,
      `WeCom at ${wecom.apiBase} does not answer as it should: ${answer.reason}`,
      'Look at firewall, proxy and network, and at WECOM_API_BASE; HTTPS_PROXY is not read.',
      answer.cause,
    );
  switch (answer.errcode) {
    case '0':
      return ok(check, `of kind wecom: company ${corpid} and its secret are accepted`);
    case '40013':
      return fault(
        check,
        `WeCom does not know the company ${corpid} (40013)`,
        `${setCorp} with the right corpid; then npx wafer app set --remove-corp ${corpid}`,
        'wecom_corp',
      );
    case '40001':
      return fault(
        check,
        `WeCom says that the secret of company ${corpid} is wrong (40001)`,
        `${setCorp} ${corpid}, with the secret of the app in WeCom that the mini program is linked to`,
        'wecom_secret',
      );
    default:
      return warning(
        check,
        `WeCom answers errcode ${answer.errcode} for company ${corpid}${quote(readErrmsg(answer.errmsg))}`,
        'Look it up at https://developer.work.weixin.qq.com/document/path/90313',
      );
  }
}
