import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { auth, call, login, newUser } from '../support/client.ts';
import { countOutcomes, offer } from '../support/offered.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';

const idSkey = 'qcloud.cam.id_skey';

test.serial('a worker under five times its load answers everybody in time', async (t) => {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose, latencyMs: 100 });
  const env = { WECHAT_API_BASE: wechat.url, WORKER_CONCURRENCY: '5', LOGIN_DEADLINE_MS: '12000' };
  const stack = await startStack({ onClose, env });
  const [url] = stack.urls;
  const { returnData: session } = await login(url, newUser());
  const atCapacity = await offer(url, idSkey, () => ({ code: newUser() }), { perSecond: 50, seconds: 2 });
  const succeededAtCapacity = countOutcomes(atCapacity)['0'] ?? 0;
  t.true(succeededAtCapacity > 0);

  const codes = Array.from({ length: 500 }, newUser);
  const readMetric = async (name: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  };
  const watch = async () => {
    const waiting: number[] = [];
    // Metrics are rendered once a second.
    for (const pauseMs of [350, 1100]) {
      await sleep(pauseMs);
      waiting.push(await readMetric('wafer_calls_waiting'));
    }
    return waiting;
  };
  const [waiting, flood, checks, decrypts] = await Promise.all([
    watch(),
    offer(url, idSkey, (index) => ({ code: codes[index] }), { perSecond: 250, seconds: 2 }),
    offer(url, 'qcloud.cam.auth', () => session, { perSecond: 50, seconds: 2 }),
    offer(url, 'qcloud.cam.decrypt', () => ({ ...session, encrypt_data: 'x', iv: 'r7BXXKkLb8qrSNn05n0qiA==' }), {
      perSecond: 10,
      seconds: 2,
    }),
  ]);
  const outcomes = countOutcomes(flood);
  const { 0: succeeded = 0, '1006 overloaded': refused = 0 } = outcomes;
  t.log(`${succeededAtCapacity} at capacity; in the flood:`, outcomes);
  t.is(succeeded + refused, 500);
  t.true(
    waiting.every((calls) => calls >= 5),
    `${waiting.join(' ')} waited`,
  );
  // As many as before, but for what the flood itself costs this process, which is everything here at once.
  t.true(succeeded >= 0.4 * succeededAtCapacity);
  const refusedCodes = flood.filter(({ returnCode }) => returnCode !== 0).map(({ index }) => codes[index] as string);
  t.true(refusedCodes.every((code) => wechat.stats().codes[code] === undefined));
  t.deepEqual(countOutcomes(checks), { 0: 100 });
  t.deepEqual(countOutcomes(decrypts), { 60021: 20 });
  // Nothing was done to their codes.
  t.is((await login(url, refusedCodes[0] as string)).returnCode, 0);
  t.is(await readMetric('wafer_calls_refused_total{queue="login",reason="overloaded"}'), refused);
});

test.serial('a log-in that can’t be done in the time left is not begun', async (t) => {
  const onClose = t.teardown.bind(t);
  const wechat = await startTestWechat({ onClose, latencyMs: 400 });
  const env = {
    WECHAT_API_BASE: wechat.url,
    WORKER_CONCURRENCY: '1',
    WECHAT_TIMEOUT_MS: '1000',
    LOGIN_DEADLINE_MS: '1500',
  };
  const stack = await startStack({ onClose, env });
  const [url] = stack.urls;
  await login(url, newUser());
  const codes = Array.from({ length: 8 }, newUser);
  const answers = await Promise.all(codes.map((code) => call(url, idSkey, { code })));
  const failed = codes.filter((_, index) => answers[index]?.returnCode !== 0);
  t.true(failed.length >= 4, `${failed.length} failed`);
  t.true(answers.every(({ returnCode }) => returnCode === 0 || returnCode === 1006));
  t.true(answers.some(({ reason }) => reason === 'overloaded'));
  t.true(failed.every((code) => wechat.stats().codes[code] === undefined));
  for (const code of failed.slice(0, 3)) t.is((await call(url, idSkey, { code })).returnCode, 0);
});

test.serial('log-ins of an app beyond its limit are refused, another app’s are not', async (t) => {
  const other = 'wxffffffffffffffff';
  const stack = await startStack({ onClose: t.teardown.bind(t), env: { LOGIN_LIMIT_PER_APP: '5' } });
  const [url] = stack.urls;
  await stack.database.query("insert into cAppinfo set appid = ?, secret = 'x'", [other]);
  const logIn = (appid: string) => call(url, idSkey, { code: newUser(), appid });
  const answers = await Promise.all(Array.from({ length: 8 }, () => logIn(testAppid)));
  t.is(answers.filter(({ returnCode }) => returnCode === 0).length, 5);
  t.is(answers.filter(({ returnCode, reason }) => returnCode === 1006 && reason === 'limited').length, 3);
  t.not((await logIn(other)).reason, 'limited');
  const { returnData } = answers.find(({ returnCode }) => returnCode === 0) as (typeof answers)[0];
  t.is((await auth(url, returnData)).returnCode, 0);
});

test.serial('log-ins of a user beyond the limit leave the last session valid', async (t) => {
  const stack = await startStack({ onClose: t.teardown.bind(t), env: { LOGIN_LIMIT_PER_USER: '3' } });
  const [url] = stack.urls;
  const user = newUser();
  const logIn = (number: number) => call(url, idSkey, { code: `${user}~${number}` });
  for (const number of [1, 2]) t.is((await logIn(number)).returnCode, 0);
  const { returnData: session } = await logIn(3);
  for (const number of [4, 5]) {
    const { returnCode, reason } = await logIn(number);
    t.deepEqual([returnCode, reason], [1006, 'limited']);
  }
  t.is((await auth(url, session)).returnCode, 0);
  t.is((await login(url, newUser())).returnCode, 0);
});
