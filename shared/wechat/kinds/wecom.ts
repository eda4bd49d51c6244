import { parseCorps, type Corp } from '../../store/corps.ts';
import { readFields, toQuery } from '../answer.ts';
import { isToken, type Exchange } from '../code2session.ts';
import { readToken, type TokenSource } from '../token-source.ts';
import { traceCalls } from '../traced-calls.ts';
import { exchangeWithToken } from './exchange-with-token.ts';
import type { KindOfApp, LoginCode } from './kind.ts';

/** This code is not one of the company whose token asked: it may be another's. */
const notOfThisCorp = '40029';

/**
 * A mini program inside WeCom, for the people of one company or of several that are linked to it
 * (https://developer.work.weixin.qq.com/document/path/91507). They have a userid in the place of an openid.
 */
export const wecomKind: KindOfApp = {
  name: 'wecom',
  create({ config, connect, watch, tokens }) {
    const wecom = connect(config.wecom.apiBase);

    const tokenOf = (appid: string, { corpid, secret }: Corp): TokenSource => ({
      key: `wecom:${appid}:${corpid}`,
      fetch: ({ timeoutMs, span }) =>
        watch.ask({ appid, api: 'wecom_gettoken' }, async () => {
          const query = toQuery({ corpid, corpsecret: secret });
          return readToken(await traceCalls(wecom, span).get('/cgi-bin/gettoken', query, timeoutMs));
        }),
    });

    const exchangeAt = (corp: Corp, { app, code, caller, ...limits }: LoginCode, corps: readonly Corp[]) => {
      const calls = traceCalls(wecom, limits.context.span);
      return exchangeWithToken(tokens, tokenOf(app.appid, corp), limits, (accessToken, ms) => {
        const query = toQuery({ access_token: accessToken, js_code: code, grant_type: 'authorization_code' });
        return watch.ask({ appid: app.appid, api: 'wecom_code2session', code, caller }, async () =>
          readUser(await calls.get('/cgi-bin/miniprogram/jscode2session', query, ms), corps),
        );
      });
    };

    return {
      async exchange(login) {
        const corps = parseCorps(login.app.secret);
        const endsAt = performance.now() + login.timeoutMs;
        let answer: Exchange = { kind: 'unasked', failure: { kind: 'unreachable', reason: 'corp_missing' } };
        for (const corp of corps) {
          const timeoutMs = Math.max(endsAt - performance.now(), 1);
          answer = await exchangeAt(corp, { ...login, timeoutMs }, corps);
          if (answer.kind !== 'refused' || answer.errcode !== notOfThisCorp) return answer;
        }
        return answer;
      },
      calls: new Set(),
    };
  },
};

/** A userid says who somebody is within one company alone, so what another company calls by it is somebody else. */
function readUser(answer: Parameters<typeof readFields>[0], corps: readonly Corp[]): Exchange {
  const result = readFields(answer);
  if (result.kind !== 'ok') return result;
  const { corpid, userid, session_key: sessionKey } = result.value;
  const index = corps.findIndex((corp) => corp.corpid === corpid);
  if (index < 0) return { kind: 'refused', errcode: 'unknown', reason: 'corp_unknown' };
  const openId = index === 0 ? userid : `${String(corpid)}/${String(userid)}`;
  // No userid has a slash: nobody of the first company is called like somebody of another.
  if (!isToken(userid) || userid.includes('/') || !isToken(openId) || !isToken(sessionKey)) return { kind: 'invalid' };
  return { kind: 'session', openId, sessionKey };
}
