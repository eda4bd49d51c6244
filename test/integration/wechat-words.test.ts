import test from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { runDoctor } from '../support/doctor.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, testAppid, testSecret, untilReady } from '../support/stack.ts';
import { startScriptedWechat, startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const wechat = await startTestWechat({ onClose, apps: new Map([[testAppid, testSecret]]) });
const stack = await startStack({ onClose, workers: 0, env: { WECHAT_API_BASE: wechat.url } });
const worker = startProcess('worker', stack.env, onClose);
await worker.logged('worker takes jobs');
const [url] = stack.urls;
await untilReady(url);
const rid = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/;
const lineWith = async (...parts: readonly string[]) => {
  const find = () => worker.log.find((line) => parts.every((part) => line.includes(part)));
  await until(`${parts.join(', ')} is in the log`, () => find() !== undefined);
  return JSON.parse(find() ?? '') as Record<string, unknown>;
};
const quotas = async () => {
  const { findings } = (await runCli(stack.env, ['doctor', '--wechat', '--json'])).json as {
    findings: { check: string; state: string; found: string; cause?: string }[];
  };
  return findings.filter(({ check }) => check.startsWith('wechat.quota'));
};

test.serial('WeChat’s words and its rid are in the line of a failed log-in, not in the answer', async (t) => {
  const answer = await call(url, 'qcloud.cam.id_skey', { code: 'blocked~1' });
  t.is(answer.reason, 'wechat:40226');
  t.false(/rid|blocked/.test(answer.text));
  const line = await lineWith('log-in failed', 'wechat:40226');
  t.is(line['errmsg'], 'code blocked');
  t.regex(String(line['rid']), rid);
});

test.serial('before there is a token doctor asks for no quota, and fetches none for that', async (t) => {
  const found = await quotas();
  t.deepEqual(
    found.map(({ check, state }) => [check, state]),
    [[`wechat.quota ${testAppid}`, 'ok']],
  );
  t.is(wechat.stats().paths['/cgi-bin/stable_token'], undefined);
});

test.serial('so are they in a line about a refused call of another kind', async (t) => {
  const session = (await login(url, newUser())).returnData as object;
  wechat.fail('/wxa/checksession', 40003, 1);
  t.is((await call(url, 'qcloud.cam.checksession', session)).reason, 'wechat:40003');
  const line = await lineWith('WeChat refused a call');
  t.like(line, { appid: testAppid, api: 'checksession', errcode: '40003', errmsg: 'as ordered' });
  t.regex(String(line['rid']), rid);
});

test.serial('doctor --wechat tells what is left of each quota, and warns when it is little', async (t) => {
  const session = (await login(url, newUser())).returnData as object;
  t.is((await call(url, 'qcloud.cam.checksession', session)).returnData.valid, true);
  const before = await quotas();
  t.deepEqual(
    before.map(({ check, state }) => [check, state]),
    ['/wxa/business/getuserphonenumber', '/wxa/checksession', '/wxa/resetusersessionkey'].map((path) => [
      `wechat.quota ${testAppid} ${path}`,
      'ok',
    ]),
  );
  t.regex(before[1]?.found ?? '', /^2 of 20 today, 18 are left$/);
  for (let made = 2; made < 18; made++) await call(url, 'qcloud.cam.checksession', session);
  const [, after] = await quotas();
  t.like(after, { state: 'warning', cause: 'wechat_quota', found: '18 of 20 today, 2 are left' });
  wechat.fail('/cgi-bin/openapi/quota/get', 76_022, 1);
  t.true((await quotas()).some(({ found }) => /76022, “as ordered” \(rid [0-9a-f-]{26}, for/.test(found)));
});

test.serial('doctor explains 40226 and API signing, with WeChat’s words and its rid', async (t) => {
  for (const [errcode, remedy] of [
    [40_226, /no retry helps/],
    [40_230, /API signing/],
    [40_234, /API signing/],
    [40_236, /API signing/],
  ] as const) {
    const errmsg = `some words about 0a1B2c3D4e rid: 65a1b2c3-1a2b3c4d-0f0e0d0c`;
    const answers = [{ body: { errcode: 41_002, errmsg: 'appid missing' } }, { body: { errcode, errmsg } }];
    const scripted = await startScriptedWechat({ onClose: t.teardown, answers });
    const { findings } = await runDoctor({ ...stack.env, WECHAT_API_BASE: scripted.url });
    const finding = findings.find(({ cause }) => cause === 'wechat_refuses');
    t.is(finding?.state, 'fault', String(errcode));
    t.regex(finding?.remedy ?? '', remedy);
    t.true(finding?.found.includes('“some words about *” (rid 65a1b2c3-1a2b3c4d-0f0e0d0c'), finding?.found);
  }
});
