import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import test, { type ExecutionContext } from 'ava';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { call, login, newUser } from '../support/client.ts';
import { startProcess } from '../support/processes.ts';
import { startTestRedisCluster } from '../support/redis-cluster.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startStack, testAppid, testSecret, type TestStack } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';

const tokenPath = '/cgi-bin/stable_token';
const fetches = (wechat: Simulator) => wechat.stats().paths[tokenPath] ?? 0;
const phone = (url: string, session: object, code = `p~${newUser()}`) =>
  call(url, 'qcloud.cam.phone', { ...session, code });
const logIn = async (stack: TestStack) => (await login(stack.urls[0], newUser())).returnData as object;
/** Of one user WeChat is asked about twenty codes in a minute. */
const logInMany = (stack: TestStack) => Promise.all(Array.from({ length: 8 }, () => logIn(stack)));
const codesOf = (answers: readonly { returnCode: number; reason: string | null }[]) => [
  ...new Set(answers.map(({ returnCode, reason }) => `${returnCode} ${reason}`)),
];

/** Holds the answers of one path of the simulated WeChat until they are let go. */
function createGate(gatedPath: string) {
  let release = () => {};
  let gate: Promise<void> | undefined;
  return {
    onRequest: (path: string) => (path === gatedPath ? gate : undefined),
    shut() {
      gate = new Promise<void>((resolve) => (release = resolve));
    },
    open() {
      gate = undefined;
      release();
    },
  };
}

test.serial('four processes that ask at once fetch one access token, also to renew it', async (t) => {
  const onClose = t.teardown.bind(t);
  const gate = createGate(tokenPath);
  const tokenLifeSeconds = 20;
  const wechat = await startTestWechat({ onClose, onRequest: gate.onRequest, tokenLifeSeconds });
  const stack = await startStack({ onClose, workers: 0, webs: 4, env: { WECHAT_API_BASE: wechat.url } });
  const ports: number[] = [];
  for (let count = 0; count < 4; count++) {
    const port = await findFreePort();
    ports.push(port);
    const worker = startProcess('worker', { ...stack.env, WORKER_HEALTH_PORT: String(port) }, onClose);
    await worker.logged('worker takes jobs');
  }
  const sessions = await logInMany(stack);
  /** Phone calls that each worker has answered. */
  const answered = () =>
    Promise.all(
      ports.map(async (port) => {
        const text = await readFreshMetrics(`http://127.0.0.1:${port}`);
        return Number(/^wafer_jobs_total\{call="phone",code="0"\} (\d+)$/m.exec(text)?.[1] ?? 0);
      }),
    );
  const askEverybody = async (count: number) => {
    const asking = [];
    for (let index = 0; index < count; index++) {
      asking.push(phone(stack.urls[index % 4] as string, sessions[index % sessions.length] as object));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return asking;
  };

  gate.shut();
  const first = await askEverybody(48);
  await until('one process is fetching', () => fetches(wechat) > 0);
  gate.open();
  t.deepEqual(codesOf(await Promise.all(first)), ['0 null']);
  t.is(fetches(wechat), 1);
  const counts = await answered();
  t.true(
    counts.every((count) => count > 0),
    `each of the four took part: ${counts.join(', ')}`,
  );

  // Renewed after three quarters of its life: asked for before that, nothing is fetched.
  await Promise.all(await askEverybody(8));
  t.is(fetches(wechat), 1);
  await untilRenewalIsDue(t, stack, tokenLifeSeconds);
  gate.shut();
  const second = await askEverybody(40);
  let done = 0;
  for (const answer of second) void answer.then(() => done++);
  await until('all but the one that fetches are answered, with the token before', () => done === 39, 3000);
  t.is(fetches(wechat), 2);
  gate.open();
  t.deepEqual(codesOf(await Promise.all(second)), ['0 null']);
  t.is(fetches(wechat), 2);
});

/** As Redis has it: a token is given out for nine tenths of its life, and renewed after three quarters. */
async function untilRenewalIsDue(t: ExecutionContext, stack: TestStack, lifeSeconds: number): Promise<void> {
  const redis = connectRedis(stack.config.redis.queue, 'subscriber');
  t.teardown(() => redis.disconnect());
  const leftMs = lifeSeconds * 1000 * (0.9 - 0.75);
  await until('the token is due', async () => (await redis.pttl(`wafer:token:${testAppid}`)) < leftMs, 30_000);
}

test.serial('a token that WeChat refuses is fetched anew, by one process for all', async (t) => {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose });
  const stack = await startStack({ onClose, workers: 3, env: { WECHAT_API_BASE: wechat.url } });
  const session = await logIn(stack);
  t.is((await phone(stack.urls[0], session)).returnCode, 0);
  wechat.endTokens();
  const sessions = (await logInMany(stack)).flatMap((each) => Array<object>(4).fill(each));
  const answers = await Promise.all(sessions.map((each) => phone(stack.urls[0], each)));
  t.deepEqual(codesOf(answers), ['0 null']);
  t.is(fetches(wechat), 2);
  for (const errcode of [42001, 40014]) {
    const before = fetches(wechat);
    wechat.fail('/wxa/checksession', errcode, 1);
    t.is((await call(stack.urls[0], 'qcloud.cam.checksession', session)).returnCode, 0);
    t.is(fetches(wechat), before + 1);
    wechat.fail('/wxa/checksession', errcode, 5);
    const refused = await call(stack.urls[0], 'qcloud.cam.checksession', session);
    t.deepEqual([refused.returnCode, refused.reason], [40029, `wechat:${errcode}`]);
    t.is(fetches(wechat), before + 2, 'once more, not for ever');
    wechat.fail('/wxa/checksession', errcode, 0);
  }
});

test.serial('all who wait for a token get the answer of a fetch that fails', async (t) => {
  const onClose = t.teardown.bind(t);
  const apps = new Map([[testAppid, testSecret]]);
  const tokenLifeSeconds = 12;
  const wechat = await startTestWechat({ onClose, apps, tokenLifeSeconds });
  const stack = await startStack({ onClose, workers: 2, env: { WECHAT_API_BASE: wechat.url } });
  const [session, other] = [await logIn(stack), await logIn(stack)];
  apps.set(testAppid, 'another secret');
  const code = `again~${newUser()}`;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index === 0 ? phone(stack.urls[0], session, code) : phone(stack.urls[0], other),
    ),
  );
  t.deepEqual(codesOf(answers), ['40029 wechat:40125']);
  t.true(fetches(wechat) <= 2, `${fetches(wechat)} fetches`);
  apps.set(testAppid, testSecret);
  await until('it is tried again', async () => (await phone(stack.urls[0], await logIn(stack))).returnCode === 0, 3000);
  t.is((await phone(stack.urls[0], session, code)).returnCode, 0);
  t.is(wechat.stats().codes[code], 1, 'it was sent when there was a token, once');
  // Renewal fails: the token before goes on.
  await untilRenewalIsDue(t, stack, tokenLifeSeconds);
  wechat.fail(tokenPath, -1, 1000);
  const before = fetches(wechat);
  t.is((await phone(stack.urls[0], session)).returnCode, 0);
  t.is(fetches(wechat), before + 1);
});

test.serial('each app has a token of its own, also while its secret is being changed', async (t) => {
  const onClose = t.teardown.bind(t);
  const other = 'wxother000000000';
  const apps = new Map([
    [testAppid, testSecret],
    [other, 'other secret'],
  ]);
  const wechat = await startTestWechat({ onClose, apps });
  const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?, previous_secret = ?', [
    other,
    'not known yet',
    'other secret',
  ]);
  await forgetSettings(t, stack);
  const mine = await call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser(), appid: testAppid });
  const theirs = await call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser(), appid: other });
  for (const { returnData } of [mine, theirs, mine, theirs])
    t.is((await phone(stack.urls[0], returnData)).returnCode, 0);
  // The new secret of the other app is tried first.
  t.is(fetches(wechat), 3);
  const answer = await phone(stack.urls[0], theirs.returnData);
  t.is(answer.returnData.phone_info.watermark.appid, other);
});

async function forgetSettings(t: ExecutionContext, stack: TestStack): Promise<void> {
  const admin = connectRedis(stack.config.redis.queue, 'subscriber');
  const clock = createRedisClock(admin);
  t.teardown(() => {
    clock.close();
    admin.disconnect();
  });
  await clearCache(admin, admin, clock);
}

test.serial('with WECHAT_TOKEN_URL stable_token is never called', async (t) => {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose });
  const asked: string[] = [];
  let answer: { status: number; body: string } | undefined;
  const service = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const issue = async () => {
      if (answer !== undefined) return answer;
      const secret = testSecret;
      const body = JSON.stringify({ grant_type: 'client_credential', appid: testAppid, secret });
      const issued = await fetch(`${wechat.url}${tokenPath}`, { method: 'POST', body });
      return { status: 200, body: await issued.text() };
    };
    void issue().then(({ status, body }) => response.writeHead(status).end(body));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  onClose(async () => void service.close());
  const tokenUrl = `http://127.0.0.1:${(service.address() as AddressInfo).port}/token?key=k%26`;
  const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url, WECHAT_TOKEN_URL: tokenUrl } });
  const session = await logIn(stack);
  for (const [given, expected] of [
    [{ status: 500, body: '' }, '1005 wechat_http_500'],
    [{ status: 200, body: '{"access_token":"x"}' }, '1007 wechat_answer_invalid'],
    [{ status: 200, body: '{"access_token":"","expires_in":7200}' }, '1007 wechat_answer_invalid'],
    [{ status: 200, body: 'null' }, '1007 wechat_answer_invalid'],
  ] as const) {
    answer = given;
    await until(`a fetch brings ${expected}`, async () => {
      const { returnCode, reason } = await phone(stack.urls[0], session);
      return `${returnCode} ${reason}` === expected;
    });
  }
  answer = undefined;
  await until('the service is asked again', async () => (await phone(stack.urls[0], session)).returnCode === 0);
  t.is((await phone(stack.urls[0], session)).returnCode, 0);
  t.deepEqual(new Set(asked), new Set([`GET /token?key=k%26&appid=${testAppid}`]));
  t.is(fetches(wechat), 1, 'by the service');
});

test.serial('on a Redis Cluster as well', async (t) => {
  const onClose = t.teardown.bind(t);
  const cluster = await startTestRedisCluster({ onClose });
  const stack = await startStack({ onClose, workers: 2, env: { REDIS_URL: cluster.url } });
  const session = await logIn(stack);
  const answers = await Promise.all(Array.from({ length: 20 }, () => phone(stack.urls[0], session)));
  t.deepEqual(codesOf(answers), ['0 null']);
  t.is(fetches(stack.wechat as Simulator), 1);
  t.is((await call(stack.urls[0], 'qcloud.cam.resetkey', session)).returnCode, 0);
});
