import { toPlainText } from '../../log/plain-text.ts';
import type { AppWithSecret } from '../../store/app-reader.ts';
import { readFields, toQuery } from '../../wechat/answer.ts';
import { AdministrationFailure } from '../failure.ts';
import { withTokens, type OpenTokens } from '../tokens.ts';
import { ok, warning, type Finding } from './finding.ts';
import { explainErrcode, quote } from './wechat-errcodes.ts';

/** The calls that are made with a token. Those of a log-in have none, and no quota that could be asked for. */
const paths = ['/wxa/business/getuserphonenumber', '/wxa/checksession', '/wxa/resetusersessionkey'];
/** Below this share of the day's quota somebody should know. */
const lowShare = 0.1;
const timeoutMs = 3000;

/**
 * What WeChat says is left of each app's quotas today. It is asked with the tokens that the workers have: none is fetched for this.
 */
export async function checkQuotas(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  try {
    return await withTokens(env, async (open) =>
      (await Promise.all(open.apps.map((app) => checkApp(open, app)))).flat(),
    );
  } catch (error) {
    if (!(error instanceof AdministrationFailure)) throw error;
    return [
      warning(
        'wechat.quota',
        `not checked: ${error.message}`,
        'Repair that first, then run this again: npx wafer doctor --wechat',
      ),
    ];
  }
}

async function checkApp({ tokenOf, tokens, wechat }: OpenTokens, app: AppWithSecret): Promise<Finding[]> {
  const check = `wechat.quota ${toPlainText(app.appid)}`;
  const source = tokenOf(app);
  if (source === undefined) return [ok(check, 'apps of this kind have no access token')];
  const token = await tokens.peek(source);
  if (token === undefined)
    return [
      ok(check, `not asked: it has no access token yet. To have one: npx wafer token renew ${toPlainText(app.appid)}`),
    ];
  return Promise.all(
    paths.map(async (path) => {
      const query = toQuery({ access_token: token.accessToken });
      const answer = readFields(await wechat.post('/cgi-bin/openapi/quota/get', query, { cgi_path: path }, timeoutMs));
      const about = `${check} ${path}`;
      if (answer.kind === 'ok') return describeQuota(about, answer.value['quota']);
      if (answer.kind !== 'refused')
        return warning(about, 'not told: WeChat did not answer', 'Run this again; if it stays so, check the network.');
      return warning(
        about,
        `not told: WeChat answers ${answer.errcode}${quote(answer.said)}`,
        explainErrcode(answer.errcode) ?? 'Nothing has to be done: some apps may not ask for this call.',
      );
    }),
  );
}

function describeQuota(check: string, quota: unknown): Finding {
  const { daily_limit: limit, used, remain } = (quota ?? {}) as Record<string, unknown>;
  if (typeof limit !== 'number' || typeof used !== 'number' || typeof remain !== 'number')
    return warning(check, 'not told: WeChat answers without a quota', 'Run this again in a while.');
  const found = `${used} of ${limit} today, ${remain} are left`;
  if (limit === 0 || remain > limit * lowShare) return ok(check, found);
  return warning(
    check,
    found,
    'Beyond it WeChat refuses this call until midnight (45009): raise the quota at mp.weixin.qq.com, or find who calls so often (wafer_wechat_calls_total).',
    'wechat_quota',
  );
}
