import test, { type ExecutionContext } from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { createSessionWriter } from '../../apps/worker/login/write-session.ts';
import { plainCipher } from '../../shared/keys/column-cipher.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { createSessionCache } from '../../shared/session/session-cache.ts';
import { nowSeconds, toWallClock } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';

// What ends sessions, and a log-in of the same user at the same time.
const onClose = closeAfterAll(test);
const held = new Map<string, { asked: () => void; answer: Promise<void> }>();
const wechat = await startTestWechat({
  onClose,
  async onRequest(_path, code) {
    const hold = held.get(code);
    hold?.asked();
    await hold?.answer;
  },
});
const stack = await startStack({ onClose, webs: 2, workers: 2, env: { WECHAT_API_BASE: wechat.url } });
const [url] = stack.urls;
const redis = connectRedis(stack.config.redis.queue, 'subscriber');
const clock = createRedisClock(redis);
const sequelize = openDatabase(stack.config.database.primary, { poolSize: 2 });
onClose(async () => {
  clock.close();
  redis.disconnect();
  await sequelize.close();
});
await clock.sync();
const cache = createSessionCache(redis);

interface Credentials {
  readonly id: string;
  readonly skey: string;
}

async function logIn(code: string): Promise<Credentials> {
  const { returnCode, returnData, text } = await call(url, 'qcloud.cam.id_skey', { code });
  if (returnCode !== 0) throw new Error(text);
  return returnData as Credentials;
}

/** A log-in for which WeChat has been asked, and has not answered yet. */
async function beginLogIn(code: string): Promise<{ end: () => Promise<Credentials> }> {
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  let session: Promise<Credentials> | undefined;
  await new Promise<void>((resolve) => {
    held.set(code, { asked: resolve, answer: answered });
    session = logIn(code);
  });
  return {
    end() {
      answer();
      return session as Promise<Credentials>;
    },
  };
}

async function setGrace(seconds: number): Promise<void> {
  await stack.database.query('update cAppinfo set grace_seconds = ?', [seconds]);
  await clearCache(redis, redis, clock);
}

async function run(...args: string[]): Promise<void> {
  const { status, stderr } = await runCli(stack.env, args);
  if (status !== 0) throw new Error(stderr);
}

async function expectEverywhere(t: ExecutionContext, session: Credentials, code: 0 | 60012, what: string) {
  for (const web of stack.urls) t.is((await auth(web, session)).returnCode, code, what);
}

for (const { how, args, grace } of [
  { how: 'everything', args: ['--everything'], grace: 0 },
  { how: 'everything, with grace', args: ['--everything'], grace: 60 },
  { how: 'the app', args: ['--appid', testAppid], grace: 0 },
  { how: 'the app, with grace', args: ['--appid', testAppid], grace: 60 },
]) {
  test.serial(`a log-in in flight brings nothing back that is revoked, ${how}`, async (t) => {
    await setGrace(grace);
    const user = newUser();
    const before = await logIn(`${user}~1`);
    const inFlight = await beginLogIn(`${user}~2`);
    await run('session', 'revoke', ...args);
    await expectEverywhere(t, before, 60012, 'revoked');
    const second = nowSeconds();
    await until('a second has passed', () => nowSeconds() > second);
    const meanwhile = await inFlight.end();
    await expectEverywhere(t, meanwhile, 60012, 'began before it was revoked');
    await expectEverywhere(t, before, 60012, 'revoked, after the log-in');
    const after = await logIn(`${user}~3`);
    await expectEverywhere(t, after, 0, 'later');
    for (const ended of [before, meanwhile]) await expectEverywhere(t, ended, 60012, 'after a later log-in');
  });
}

for (const [policy, most] of [
  ['single', 1],
  ['multi', 5],
] as const) {
  for (const [how, argsOf] of [
    ['the session', (session: Credentials) => ['--id', session.id]],
    ['the user', (_: Credentials, openId: string) => ['--open-id', openId]],
  ] as const) {
    test.serial(`a log-in in flight brings nothing back that is revoked, ${how}, ${policy}`, async (t) => {
      await stack.database.query('update cAppinfo set session_policy = ?, max_sessions = ?', [policy, most]);
      await setGrace(60);
      t.teardown(() => stack.database.query("update cAppinfo set session_policy = 'single', max_sessions = 1"));
      const user = newUser();
      const before = await logIn(`${user}~1`);
      const inFlight = await beginLogIn(`${user}~2`);
      await run('session', 'revoke', ...argsOf(before, openIdOf(testAppid, user)));
      await expectEverywhere(t, before, 60012, 'revoked');
      const meanwhile = await inFlight.end();
      await expectEverywhere(t, meanwhile, 60012, 'began before it was revoked');
      const { reason } = await auth(url, meanwhile);
      t.is(reason, 'revoked');
      const after = await logIn(`${user}~3`);
      await expectEverywhere(t, after, 0, 'later');
      for (const ended of [before, meanwhile]) await expectEverywhere(t, ended, 60012, 'after a later log-in');
    });
  }
}

test.serial('grace is judged by what is revoked when the session is written', async (t) => {
  await setGrace(60);
  const user = newUser();
  const before = await logIn(`${user}~1`);
  const [row] = await stack.database.query<{ fence: string }>('select fence from cSessionInfo where uuid = ?', [
    before.id,
  ]);
  const inFlight = await beginLogIn(`${user}~2`);
  // After the session before, and before the log-in.
  await stack.database.query('update cAppinfo set revoked_before = ?', [row?.fence]);
  await clearCache(redis, redis, clock);
  const session = await inFlight.end();
  await expectEverywhere(t, session, 0, 'began after that');
  await expectEverywhere(t, before, 60012, 'revoked');
});

test.serial('a log-in in flight to an app that is removed gets no session', async (t) => {
  const inFlight = await beginLogIn(`${newUser()}~1`);
  const [app] = await stack.database.query('select * from cAppinfo');
  await run('app', 'remove', testAppid);
  await t.throwsAsync(inFlight.end(), { message: /"returnCode":1012/ });
  await stack.database.query('insert into cAppinfo set ?', [app]);
  await clearCache(redis, redis, clock);
});

/** Something happens after a log-in has read its user's rows and before it writes; then both skeys are checked. */
async function changeBeforeWrite(
  t: ExecutionContext,
  change: (session: Credentials, openId: string) => unknown,
  code: 0 | 60012,
) {
  await setGrace(60);
  const before = await logIn(newUser());
  await expectEverywhere(t, before, 0, 'logged in');
  const [row] = await stack.database.query<{ open_id: string }>('select open_id from cSessionInfo where uuid = ?', [
    before.id,
  ]);
  const openId = row?.open_id ?? '';
  const user = { appid: testAppid, openId, ownsUnmarked: true, profile: undefined };
  const [key] = await stack.database.query<{ value: Buffer }>("select value from cWaferKey where name = 'rpc'");
  const seal = createSeal((key as { value: Buffer }).value);
  const writer = createSessionWriter({ sequelize, cache, cipher: plainCipher, seal });
  const looked = await writer.look(user);
  await change(before, openId);
  const session = { id: before.id, skey: newUser() };
  noteSecret('skey', session.skey);
  const nowUs = Math.floor(clock.nowMs() * 1000);
  await writer.write({
    ...user,
    maxSessions: 1,
    graceSeconds: 60,
    isPerDevice: false,
    device: undefined,
    clientIp: undefined,
    caller: undefined,
    limits: { loginDurationDays: 30, sessionDurationSeconds: 2_592_000, revokedBeforeUs: 0 },
    sessionKey: '',
    unionId: undefined,
    newId: '',
    skey: session.skey,
    looked: Promise.resolve(looked),
    fence: nowUs,
    hasRecord: false,
    time: nowSeconds(),
    redisNowUs: () => nowUs,
  });
  await until('the session is in the cache', async () => (await cache.find(before.id)).session !== undefined);
  await expectEverywhere(t, session, 0, 'the new skey');
  await expectEverywhere(t, before, code, 'the skey before');
  await expectEverywhere(t, session, 0, 'the new skey once more');
}

for (const [how, end] of [
  ['a log-out', (session) => call(url, 'qcloud.cam.logout', session)],
  ['session revoke --id', ({ id }) => run('session', 'revoke', '--id', id)],
  ['session revoke --open-id', (_, openId) => run('session', 'revoke', '--open-id', openId)],
] as readonly (readonly [string, (session: Credentials, openId: string) => unknown])[]) {
  test.serial(`an skey that ends before its user's log-in is written stays ended, ${how}`, (t) =>
    changeBeforeWrite(t, end, 60012),
  );
}

test.serial('the previous skey has its grace in every front end, though no entry holds it', (t) =>
  changeBeforeWrite(t, () => undefined, 0),
);

test.serial('a log-in by the original after a revocation is good, in a row of ours too', async (t) => {
  const session = await logIn(newUser());
  await stack.database.query('update cSessionInfo set fence = fence - 300000000 where uuid = ?', [session.id]);
  await run('session', 'revoke', '--everything');
  await expectEverywhere(t, session, 60012, 'revoked');
  const time = toWallClock(nowSeconds() + 1);
  const skey = newUser();
  noteSecret('skey', skey);
  await stack.database.query(
    "update cSessionInfo set session_key = '', create_time = ?, last_visit_time = ?, skey = ?, user_info = '' where uuid = ?",
    [time, time, skey, session.id],
  );
  await expectEverywhere(t, { id: session.id, skey }, 0, 'logged in by the original');
});
