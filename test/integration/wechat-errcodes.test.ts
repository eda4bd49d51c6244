import { createSeal } from '../../shared/rpc/seal.ts';
import test, { type ExecutionContext } from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import { createLog } from '../../shared/log/log.ts';
import { createAlerts } from '../../apps/worker/wechat/alerts.ts';
import { createBreakers } from '../../apps/worker/wechat/breakers.ts';
import { createWechatWatch } from '../../apps/worker/wechat/watch.ts';
import { call, login, newUser } from '../support/client.ts';
import { startProcess } from '../support/processes.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startStack, testAppid, testSecret } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';

const codePath = '/sns/jscode2session';
const checkPath = '/wxa/checksession';
const calls = (wechat: Simulator, path: string) => wechat.stats().paths[path] ?? 0;

async function startParts(t: ExecutionContext) {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose });
  const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
  return { url: stack.urls[0], wechat };
}

/** With one worker as a process of its own, whose log and metrics can be read. */
async function startObserved(t: ExecutionContext, apps: ReadonlyMap<string, string>) {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose, apps });
  const stack = await startStack({ onClose, workers: 0, env: { WECHAT_API_BASE: wechat.url } });
  const port = await findFreePort();
  const worker = startProcess('worker', { ...stack.env, WORKER_HEALTH_PORT: String(port) }, onClose);
  await worker.logged('worker takes jobs');
  const metric = async (name: string) => {
    const text = await readFreshMetrics(`http://127.0.0.1:${port}`);
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  return { url: stack.urls[0], wechat, worker, metric };
}

test.serial('errcodes that somebody must act on raise an alert until WeChat accepts', async (t) => {
  const apps = new Map([[testAppid, testSecret]]);
  const { url, wechat, worker, metric } = await startObserved(t, apps);
  const errors = () => worker.log.filter((line) => line.includes('"level":50')).map((line) => JSON.parse(line));
  for (const errcode of ['40013', '40125', '40164']) t.is(await metric(`wafer_wechat_alert{errcode="${errcode}"}`), 0);

  apps.set(testAppid, 'reset at mp.weixin.qq.com');
  for (let count = 0; count < 3; count++) {
    const answer = await login(url, newUser());
    t.deepEqual([answer.returnCode, answer.returnMessage, answer.reason], [40029, 'WEIXIN_CODE_ERR', 'wechat:40125']);
  }
  t.is(await metric('wafer_wechat_alert{errcode="40125"}'), 1);
  t.is(await metric('wafer_wechat_calls_total{api="code2session",result="40125"}'), 3);
  t.is(errors().length, 1, 'one line a minute');
  t.is(errors()[0].appid, testAppid);
  t.regex(errors()[0].msg, /wafer app set/);
  t.false(worker.log.join('\n').includes(testSecret));

  apps.set(testAppid, testSecret);
  const { returnData: session } = await login(url, newUser());
  t.is(await metric('wafer_wechat_alert{errcode="40125"}'), 0);
  t.is(await metric('wafer_wechat_calls_total{api="code2session",result="ok"}'), 1);

  wechat.fail('/cgi-bin/stable_token', 40164, 1);
  const refused = await call(url, 'qcloud.cam.checksession', session);
  t.deepEqual([refused.returnCode, refused.reason], [40029, 'wechat:40164']);
  t.is(await metric('wafer_wechat_alert{errcode="40164"}'), 1);
  t.is(errors().length, 2);
  t.regex(errors()[1].msg, /allow-list/);
  await login(url, newUser());
  t.is(await metric('wafer_wechat_alert{errcode="40164"}'), 1, 'a log-in says nothing about the token');
});

test.serial('after 45009 this call of the app is 40029 without asking', async (t) => {
  const { url, wechat } = await startParts(t);
  const { returnData: session } = await login(url, newUser());
  wechat.fail(codePath, 45009, 1);
  const first = await login(url, newUser());
  t.deepEqual([first.returnCode, first.reason], [40029, 'wechat:45009']);
  const before = calls(wechat, codePath);
  for (let count = 0; count < 5; count++) {
    const answer = await login(url, newUser());
    t.deepEqual([answer.returnCode, answer.reason], [40029, 'wechat:45009']);
  }
  t.is(calls(wechat, codePath), before);
  t.is((await call(url, 'qcloud.cam.checksession', session)).returnCode, 0);
});

test.serial('45011 stops a call for the user whom it is about, and for nobody else', async (t) => {
  const { url, wechat } = await startParts(t);
  const { returnData: session } = await login(url, newUser());
  const { returnData: other } = await login(url, newUser());
  wechat.fail(checkPath, 45011, 1);
  const check = (of: object) => call(url, 'qcloud.cam.checksession', of);
  for (let count = 0; count < 4; count++) {
    const answer = await check(session);
    t.deepEqual([answer.returnCode, answer.reason], [40029, 'wechat:45011']);
  }
  t.is(calls(wechat, checkPath), 1);
  t.is((await check(other)).returnCode, 0);
  t.is(calls(wechat, checkPath), 2);
  // Whose code it is nobody knows before the exchange, so log-ins go on.
  t.is((await login(url, `limit~${newUser()}`)).reason, 'wechat:45011');
  t.is((await login(url, newUser())).returnCode, 0);
});

test.serial('a phone code that was withheld is not spent', async (t) => {
  const { url, wechat } = await startParts(t);
  const { returnData: session } = await login(url, newUser());
  wechat.fail('/wxa/business/getuserphonenumber', 45011, 1);
  const phone = (code: string, of = session) => call(url, 'qcloud.cam.phone', { ...of, code });
  t.is((await phone(`a~${newUser()}`)).reason, 'wechat:45011');
  const code = `b~${newUser()}`;
  t.is((await phone(code)).reason, 'wechat:45011');
  t.is(wechat.stats().codes[code], undefined);
  const { returnData: other } = await login(url, newUser());
  t.is((await phone(code, other)).returnMessage, 'PHONE_SUCCESS');
});

test('after a minute WeChat is asked again', async (t) => {
  let now = 0;
  const log = createLog('test', 'silent');
  const alerts = createAlerts(log, () => undefined);
  const seal = createSeal(Buffer.alloc(32, 7));
  const breakers = createBreakers(5000, log, () => undefined);
  const watch = createWechatWatch({ alerts, breakers, onAnswer: () => undefined, seal, nowMs: () => now });
  let asked = 0;
  const ask = () =>
    watch.ask({ appid: 'a', api: 'checksession', openId: 'o' }, async () => {
      asked++;
      return { kind: 'refused', errcode: '45009' } as const;
    });
  for (const [at, expected] of [
    [0, 1],
    [59_999, 1],
    [60_000, 2],
    [119_999, 2],
    [120_000, 3],
  ] as const) {
    now = at;
    t.deepEqual(await ask(), { kind: 'refused', errcode: '45009' });
    t.is(asked, expected);
  }
});
