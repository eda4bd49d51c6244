import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { startWorker } from '../../apps/worker/worker.ts';
import type { KindOfApp } from '../../shared/wechat/kinds/kind.ts';
import { kinds } from '../../shared/wechat/kinds/index.ts';
import { createSimulator } from '../../apps/wechat-simulator/simulator.ts';
import { readConfig } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { runDoctor } from '../support/doctor.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { noteSecret, traceFile } from '../support/traces.ts';
import { startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';

const [platform, ofPlatform, inWecom, ofDouyin] = [
  'wxcomponent0000000',
  'wxauthorized000000',
  'wxinwecom000000000',
  'tt0123456789',
];
const [ww1, ww2] = ['ww1111111111111111', 'ww2222222222222222'];
const onClose = closeAfterAll(test);
const wechat = await startTestWechat({
  onClose,
  apps: new Map([[testAppid, testSecret]]),
  corps: new Map([
    [ww1, 'secret-of-ww1'],
    [ww2, 'secret-of-ww2'],
  ]),
});
const stack = await startStack({
  onClose,
  webs: 1,
  workers: 0,
  env: {
    WECHAT_API_BASE: wechat.url,
    WECOM_API_BASE: wechat.url,
    WECHAT_COMPONENT_TOKEN_URL: `${wechat.url}/_sim/component-token`,
    WECHAT_AUTHORIZER_TOKEN_URL: `${wechat.url}/_sim/authorizer-token?key=k`,
    WAFER_KEYS: `1:${randomBytes(32).toString('base64')}`,
  },
});
const worker = startProcess('worker', stack.env, onClose);
await worker.logged('worker takes jobs');
const [url] = stack.urls;
await untilReady(url);
const set = async (args: string[], stdin = '') => {
  const run = await runCli(stack.env, ['app', 'set', ...args, '--json'], { stdin });
  return run.status === 0 ? run.json : (run.json.error?.code as string);
};
const logIn = (appid: string, code: string) => call(url, 'qcloud.cam.id_skey', { code, appid });
const openIdOf = async (id: string) =>
  (await stack.database.query('select open_id from cSessionInfo where uuid = ?', [id]))[0]?.['open_id'];

test.serial('an app of a platform logs in, is checked, and gets phone numbers', async (t) => {
  t.is(await set([ofPlatform, '--kind', 'component']), 'usage');
  const added = await set([ofPlatform, '--kind', 'component', '--component', platform]);
  t.like(added, { kind: 'component', componentAppid: platform, created: true });
  const user = newUser();
  const session = (await logIn(ofPlatform, `unionid${user}~1`)).returnData;
  t.is((await auth(url, session)).returnCode, 0);
  t.regex(String(await openIdOf(session.id)), /^o/);
  const named = { ...session, appid: ofPlatform };
  const phone = await call(url, 'qcloud.cam.phone', { ...named, code: `p~${newUser()}` });
  t.is(phone.returnData.phone_info.watermark.appid, ofPlatform);
  t.is((await call(url, 'qcloud.cam.checksession', named)).returnData.valid, true);
  t.is((await call(url, 'qcloud.cam.resetkey', named)).returnCode, 0);
  t.is((await call(url, 'qcloud.cam.encryptkey', named)).returnCode, 0);
  t.is(wechat.stats().paths['/sns/component/jscode2session'], 1);
  t.is(wechat.stats().paths['/cgi-bin/stable_token'], undefined);
  t.is((await logIn(ofPlatform, 'bad~1')).reason, 'wechat:40029');
});

test.serial('a platform token that WeChat has ended is fetched anew, and the code still works', async (t) => {
  wechat.endTokens();
  const answer = await logIn(ofPlatform, `${newUser()}~1`);
  t.is(answer.returnCode, 0);
});

test.serial('61003 has a reason and an alert of its own, and WeChat’s words are in the log', async (t) => {
  const answer = await logIn(ofPlatform, `unauthorized${newUser()}~1`);
  t.deepEqual([answer.returnCode, answer.reason], [40029, 'component_not_authorized']);
  const alert = /^wafer_wechat_alert\{errcode="61003"\} 1$/m;
  await until('the alert is up', async () => alert.test(await readFreshMetrics(url)));
  const failed = () => worker.log.find((line) => line.includes('log-in failed') && line.includes('component_not'));
  await until('it is in the log', () => failed() !== undefined);
  const line = JSON.parse(failed() ?? '') as Record<string, unknown>;
  t.like(line, {
    errmsg: 'component is not authorized by this account',
    level: 40,
  });
  t.regex(String(line['rid']), /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/);
  t.false(answer.text.includes('rid'));
});

test.serial('people of a company log in to an app inside WeCom by their userid', async (t) => {
  t.is(await set([inWecom, '--kind', 'wecom'], 'secret-of-ww1'), 'usage');
  const added = await set([inWecom, '--kind', 'wecom', '--corp', ww1], 'secret-of-ww1');
  t.like(added, { kind: 'wecom', created: true });
  const session = (await logIn(inWecom, 'ZhangSan~1')).returnData;
  t.is(await openIdOf(session.id), 'ZhangSan');
  t.is((await auth(url, session)).returnCode, 0);
  const headers = { 'X-WX-Id': session.id, 'X-WX-Skey': session.skey };
  t.is((await fetch(`${url}/forward-auth`, { headers })).headers.get('x-wafer-openid'), 'ZhangSan');
  t.is((await logIn(inWecom, 'ZhangSan~1x')).returnData.id, session.id, 'the same user');
  t.is(wechat.stats().paths['/cgi-bin/gettoken'], 1);
  const [row] = await stack.database.query('select secret from cAppinfo where appid = ?', [inWecom]);
  t.regex(String(row?.['secret']), /^wafer:1:/);
});

test.serial('somebody of another company is refused, also one who is called the same', async (t) => {
  const before = await stack.database.query('select count(*) as count from cSessionInfo');
  for (const [code, reason] of [
    [`ZhangSan.${ww2}~1`, 'wechat:40029'],
    ['linked.ww9~1', 'corp_unknown'],
    [`linked.${ww2}~1`, 'corp_unknown'],
  ] as const) {
    const answer = await logIn(inWecom, code);
    t.deepEqual([answer.returnCode, answer.reason], [40029, reason], code);
  }
  t.deepEqual(await stack.database.query('select count(*) as count from cSessionInfo'), before);
});

test.serial('an app of several companies tells people apart who are called the same', async (t) => {
  await set([inWecom, '--corp', ww2], 'secret-of-ww2');
  const first = (await logIn(inWecom, 'LiSi~1')).returnData;
  const second = (await logIn(inWecom, `LiSi.${ww2}~1`)).returnData;
  t.deepEqual([await openIdOf(first.id), await openIdOf(second.id)], ['LiSi', `${ww2}/LiSi`]);
  t.not(first.id, second.id);
  t.is(await openIdOf((await logIn(inWecom, `linked.${ww2}~2`)).returnData.id), `${ww2}/linked`);
  const { apps } = (await runCli(stack.env, ['app', 'list', '--json'])).json as { apps: { appid: string }[] };
  t.like(
    apps.find(({ appid }) => appid === inWecom),
    { kind: 'wecom' },
  );
  t.regex((await runCli(stack.env, ['app', 'list'])).stdout, new RegExp(`wecom of ${ww1}, ${ww2}`));
  t.is(await set([inWecom, '--remove-corp', ww1]), 'corp_first');
  t.is(await set([inWecom, '--remove-corp', 'ww3']), 'corp_unknown');
  t.like(await set([inWecom, '--remove-corp', ww2]), { kind: 'wecom' });
  t.is((await logIn(inWecom, `LiSi.${ww2}~3`)).reason, 'wechat:40029');
  t.is((await logIn(inWecom, 'LiSi~4')).returnCode, 0);
});

test.serial('what a kind can not do is 1010, not_for_this_kind, and its sessions stay', async (t) => {
  const session = (await logIn(inWecom, `${newUser()}~1`)).returnData;
  for (const name of ['phone', 'checksession', 'resetkey', 'encryptkey']) {
    const answer = await call(url, `qcloud.cam.${name}`, { ...session, appid: inWecom, code: 'x' });
    t.deepEqual([answer.returnCode, answer.reason], [1010, 'not_for_this_kind'], name);
  }
  t.is((await auth(url, session)).returnCode, 0);
  const { key } = (await runCli(stack.env, ['caller', 'add', 'wecom', '--may', 'token', '--app', inWecom, '--json']))
    .json;
  const answer = await fetch(`${url}/k/${key}/token`);
  t.deepEqual([answer.status, answer.headers.get('x-wafer-reason')], [404, 'not_for_this_kind']);
  const { key: authorizer } = (
    await runCli(stack.env, ['caller', 'add', 'platform', '--may', 'token', '--app', ofPlatform, '--json'])
  ).json;
  const token = (await (await fetch(`${url}/k/${authorizer}/token`)).json()) as { access_token: string };
  noteSecret('access token', token.access_token);
  t.truthy(token.access_token);
});

test.serial('options of another kind are refused, and a change of kind warns of sessions', async (t) => {
  t.is(await set([testAppid, '--component', platform]), 'usage');
  t.is(await set([testAppid, '--corp', ww1]), 'usage');
  t.is(await set([inWecom, '--keep-previous']), 'usage');
  t.is(await set([inWecom, '--kind', 'nonsense']), 'usage');
  t.is(await set([inWecom]), 'usage');
  const changed = await set(['wxchanges000000000', '--kind', 'wecom', '--corp', ww1], 'secret-of-ww1');
  t.false(changed.warnings.join(' ').includes('revoke'));
  const back = await set(['wxchanges000000000', '--kind', 'wechat'], testSecret);
  t.true(back.warnings.join(' ').includes('session revoke --appid wxchanges000000000'));
  t.is(back.kind, undefined);
  await runCli(stack.env, ['app', 'remove', 'wxchanges000000000']);
});

test.serial('doctor names what a kind lacks', async (t) => {
  const find = async (env: Record<string, string>) =>
    (await runDoctor({ ...stack.env, ...env })).findings.find(({ check }) => check === `wechat.app ${ofPlatform}`);
  t.is((await find({}))?.state, 'ok');
  t.like(await find({ WECHAT_COMPONENT_TOKEN_URL: '' }), { state: 'fault', cause: 'component_token_url' });
});

test.serial('doctor asks WeCom about each company of an app', async (t) => {
  const find = async (env: Record<string, string>) =>
    (await runDoctor({ ...stack.env, ...env })).findings.filter(({ check }) => check === `wechat.app ${inWecom}`);
  const [accepted, ...more] = await find({});
  t.is(accepted?.state, 'ok', accepted?.found);
  const known = [accepted, ...more].length;
  await set([inWecom, '--kind', 'wecom', '--corp', ww2], 'of-somebody-else');
  await set([inWecom, '--kind', 'wecom', '--corp', 'ww9999999999999999'], 'secret-of-ww9');
  const causes = (await find({})).map(({ state, cause }) => cause ?? state);
  t.deepEqual(causes.toSorted(), [...Array.from({ length: known }, () => 'ok'), 'wecom_corp', 'wecom_secret']);
  const closed = `http://127.0.0.1:${await findFreePort()}`;
  t.like((await find({ WECOM_API_BASE: closed }))[0], { state: 'fault', cause: 'wechat_down' });
});

test.serial('without the address of a platform’s tokens a log-in says so, its code stays good', async (t) => {
  worker.kill('SIGTERM');
  await worker.exited;
  const { WECHAT_COMPONENT_TOKEN_URL: _, ...env } = stack.env;
  const without = startProcess('worker', env, t.teardown.bind(t));
  await without.logged('worker takes jobs');
  const code = `${newUser()}~1`;
  const answer = await logIn(ofPlatform, code);
  t.deepEqual([answer.returnCode, answer.reason], [1005, 'component_token_url_missing']);
  without.kill('SIGTERM');
  await without.exited;
  const again = startProcess('worker', stack.env, onClose);
  await again.logged('worker takes jobs');
  t.is((await logIn(ofPlatform, code)).returnCode, 0);
});

/** A whole kind in one file: https://developer.open-douyin.com, whose calls have other fields and other numbers. */
const douyin = (base: string): KindOfApp => ({
  name: 'douyin',
  create({ connect, watch }) {
    const client = connect(base);
    return {
      calls: new Set(),
      exchange: ({ app: { appid, secret }, code, caller, timeoutMs }) =>
        watch.ask({ appid, api: 'douyin_code2session', code, caller }, async () => {
          const answer = await client.post('/api/apps/v2/jscode2session', '', { appid, secret, code }, timeoutMs);
          if (answer.kind !== 'body') return answer;
          const { err_no: errNo, data } = JSON.parse(answer.text) as { err_no: number; data?: Record<string, string> };
          if (errNo === 0 && data?.['openid'] !== undefined)
            return { kind: 'session', openId: data['openid'], sessionKey: String(data['session_key']) };
          return { kind: 'refused', errcode: String(errNo), reason: `douyin:${errNo}` };
        }),
    };
  },
});

test.serial('another kind is one file and a line in the list of kinds', async (t) => {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { code, secret } = JSON.parse(text) as { code: string; secret: string };
      const isGood = !code.startsWith('bad') && secret === 'douyin secret';
      const data = { openid: `_000${code.split('~')[0]}`, session_key: Buffer.alloc(16, 1).toString('base64') };
      response.end(
        JSON.stringify(isGood ? { err_no: 0, err_tips: 'success', data } : { err_no: 28_001_003, err_tips: '' }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await stack.database.query("insert into cAppinfo set appid = ?, secret = ?, kind = 'douyin'", [
    ofDouyin,
    'douyin secret',
  ]);
  await runCli(stack.env, ['cache', 'clear']);
  t.is((await logIn(ofDouyin, 'somebody~0')).reason, 'kind_unknown', 'to a worker without it');

  const app = `appid = '${ofDouyin}', secret = 'douyin secret', kind = 'douyin'`;
  const other = await startStack({ onClose: t.teardown.bind(t), workers: 0, app });
  const config = readConfig(other.env);
  const extended = await startWorker(config, createLog('worker', 'trace', traceFile('worker')), [
    ...kinds,
    douyin(base),
  ]);
  t.teardown(() => extended.close());
  await untilReady(other.urls[0]);
  const session = await call(other.urls[0], 'qcloud.cam.id_skey', { code: 'somebody~1' });
  t.is(session.returnData.user_info.openId, '_000somebody');
  t.is((await auth(other.urls[0], session.returnData)).returnCode, 0);
  const refused = await call(other.urls[0], 'qcloud.cam.id_skey', { code: 'bad~1' });
  t.deepEqual([refused.returnCode, refused.reason], [40029, 'douyin:28001003']);
  const phone = await call(other.urls[0], 'qcloud.cam.phone', { ...session.returnData, code: 'x' });
  t.is(phone.reason, 'not_for_this_kind');
});

test.serial('the simulator tells its own app apart from that of a platform', async (t) => {
  const simulator = await createSimulator();
  t.teardown(() => simulator.close());
  const get = async (path: string) => (await (await fetch(simulator.url + path)).json()) as Record<string, unknown>;
  const token = String((await get('/_sim/component-token?appid=wxp'))['access_token']);
  const query = `appid=wxa&js_code=alice&grant_type=authorization_code&component_access_token=${token}`;
  t.is((await get(`/sns/component/jscode2session?${query}&component_appid=wxq`))['errcode'], 40013);
  t.truthy((await get(`/sns/component/jscode2session?${query}&component_appid=wxp`))['openid']);
  t.is((await get(`/wxa/checksession?access_token=nope`))['errcode'], 40001);
});
