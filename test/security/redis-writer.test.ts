import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { isEntry } from '../../shared/session/session.ts';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createAnswerRenderer } from '../../apps/web/fast-lane/answer-renderer.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { createKnownCallersCopy } from '../../shared/callers/known-callers-copy.ts';
import { createSeal } from '../../shared/rpc/seal.ts';
import { createAppSettingsCopy } from '../../shared/session/app-settings-copy.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { createOpenApp } from '../support/open-app.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

// Who can write to Redis can do much (docs/security.md), but neither forge an answer nor have anything done twice.
const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 2 });
const [url] = stack.urls;
const redis = new Redis(stack.env['REDIS_URL'] as string);
onClose(async () => redis.disconnect());

const split = 'x\r\nSet-Cookie: forged=1';

test.serial('a failure that a stranger writes into the ledger of codes is no answer', async (t) => {
  const code = `bad~${newUser()}`;
  t.is((await call(url, 'qcloud.cam.id_skey', { code })).reason, 'wechat:40029');
  const failure = JSON.stringify({ ok: false, failure: 'codeRefused', reason: split });
  const keys = (await redis.keys('{wafer:login:*')).filter((key) => key.includes(':code:'));
  t.is(keys.length, 1);
  const answer = (await redis.hget(keys[0] as string, 'answer')) as string;
  t.false(answer.includes('wechat'), 'sealed');
  for (const forged of [`f${failure}`, `f${Buffer.from(failure).toString('base64')}`, `r${answer.slice(1)}`, 'f', '']) {
    await redis.hset(keys[0] as string, 'answer', forged);
    const response = await fetch(`${url}/mina_auth/`, {
      method: 'POST',
      body: JSON.stringify({ interface: { interfaceName: 'qcloud.cam.id_skey', para: { code } } }),
    });
    t.is(response.headers.get('set-cookie'), null);
    t.is(response.headers.get('x-wafer-reason'), 'store_unavailable', forged);
    t.is(((await response.json()) as { returnCode: number }).returnCode, 1006);
  }
});

test.serial('a fence that a stranger writes into the ledger of codes comes into no session', async (t) => {
  const known = new Set(await redis.keys('{wafer:login:*'));
  const code = newUser();
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code });
  const key = (await redis.keys('{wafer:login:*')).find((each) => each.includes(':code:') && !known.has(each));
  const fenceInMysql = async () => {
    const rows = await stack.database.query('select fence from cSessionInfo where uuid = ?', [session.id]);
    return Number((rows as { fence: string }[])[0]?.fence);
  };
  const fence = await fenceInMysql();
  for (const forged of ['8000000000000000', String(fence + 1), '0', 'x', '']) {
    await redis.hset(key as string, 'fence', forged);
    t.is((await call(url, 'qcloud.cam.id_skey', { code })).returnData.skey, session.skey);
    t.is(await fenceInMysql(), fence, forged);
  }
  // Nor where the one who asks is taken for dead.
  const first = await redis.hgetall(key as string);
  await redis.hdel(key as string, 'answer');
  await redis.hset(key as string, { at: 0, fence: '8000000000000000' });
  t.is((await call(url, 'qcloud.cam.id_skey', { code })).returnCode, 40029);
  t.is(await redis.hget(key as string, 'asks'), '2');
  await redis.hset(key as string, first);
  const revoked = await runCli(stack.env, ['session', 'revoke', '--everything']);
  t.is(revoked.status, 0, revoked.stderr);
  t.is((await call(url, 'qcloud.cam.id_skey', { code })).returnData.skey, session.skey);
  t.is((await auth(url, session)).returnCode, 60012);
});

const reasons: readonly (readonly [given: string, told: string])[] = [
  ['wechat:-41001', 'wechat:-41001'],
  ['wechat_http_502', 'wechat_http_502'],
  [split, 'unknown'],
  ['x\n', 'unknown'],
  ['登录', 'unknown'],
  ['', 'unknown'],
  ['Upper', 'unknown'],
  ['x'.repeat(65), 'unknown'],
];

test('no reason becomes a header but a token, in the lane and by Koa', async (t) => {
  const render = createAnswerRenderer(1000);
  let reason = '';
  const answer = () => ({ status: 200, reason, body: '{}' });
  const server = createServer(createOpenApp({ answer }));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  for (const [given, told] of reasons) {
    reason = given;
    const text = render(answer(), 'id', true);
    t.deepEqual(text.match(/^X-Wafer-Reason: .*$/gm), [`X-Wafer-Reason: ${told}`]);
    t.false(text.includes('Set-Cookie'));
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mina_auth/`, {
      method: 'POST',
      body: '{}',
    });
    t.is(response.headers.get('x-wafer-reason'), told);
    t.is(response.headers.get('set-cookie'), null);
  }
});

test.serial('nonsense on the channels between processes stops none of them', async (t) => {
  let beats: string[] = [];
  await until('a front end listens to its own beat', async () => {
    beats = (await redis.pubsub('CHANNELS', 'wafer:beat:*')) as string[];
    return beats.length > 0;
  });
  for (const channel of ['wafer:control', 'wafer:roll-call', 'wafer:changed', '__redis__:invalidate', ...beats]) {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"id":7}',
      '{"id":"x\\r\\n","kind":"else"}',
      '"',
      '\u{0}'.repeat(100),
    ]) {
      await redis.publish(channel, text);
    }
  }
  const answer = await login(url, newUser());
  t.is(answer.returnCode, 0, answer.text);
  t.is((await auth(url, answer.returnData)).returnCode, 0);
});

test.serial('a time that is none costs no log-in its answer', async (t) => {
  await redis.set('wafer:presence:since', 'abc');
  await until('it is one again', async () => /^\d+$/.test((await redis.get('wafer:presence:since')) ?? ''));
  // Longer than front ends go without a look at it.
  const answer = await login(url, `slow1500${newUser()}`);
  t.is(answer.returnCode, 0, answer.text);
});

test.serial('a process of a time to come, that somebody writes into Redis, leaves the list', async (t) => {
  const ghost = 'worker-ghost-1-00000000';
  await redis.zadd('wafer:presence', Date.now() + 86_400_000, ghost);
  await until('it has left', async () => (await redis.zscore('wafer:presence', ghost)) === null);
  t.true((await redis.zcard('wafer:presence')) > 0);
});

/** The only job of the queue of sessions whose calls are done. */
async function readDoneSessionJob() {
  const keys = await redis.keys('{wafer:session:*}:session:c*');
  const key = keys.find((each) => /:c[\w-]{16}$/.test(each));
  if (key === undefined) throw new Error('the job is gone');
  const [prefix, , id] = key.split(/:(?=[^:]*$)|(?<=\}):/) as [string, string, string];
  return { prefix, id, data: JSON.parse((await redis.hget(key, 'data')) as string) as object };
}

test.serial('a sealed job that a stranger adds again is not run again', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const resets = () => stack.wechat?.stats().paths['/wxa/resetusersessionkey'] ?? 0;
  t.is((await call(url, 'qcloud.cam.resetkey', session)).returnMessage, 'RESETKEY_SUCCESS');
  t.is(resets(), 1);
  const job = await readDoneSessionJob();
  const queue = new Queue('session', { connection: redis, prefix: job.prefix, skipVersionCheck: true });
  const idle = () =>
    until('the queue is empty', async () => {
      const { waiting = 0, active = 0, prioritized = 0 } = await queue.getJobCounts();
      return waiting + active + prioritized === 0;
    });
  await idle();
  const options = { removeOnComplete: true, removeOnFail: true };
  await queue.add('session', job.data, options);
  await queue.add('session', job.data, { ...options, jobId: 'cAAAAAAAAAAAAAAAA' });
  await queue.add('session', job.data, { ...options, jobId: job.id });
  await queue.add('session', { ...job.data, replyTo: 'another' }, options);
  // Parts of the name pushed from one field into the other; the queue itself gives ids that are numbers.
  const { replyTo } = job.data as { replyTo: string };
  await queue.add('session', { ...job.data, replyTo: `${replyTo} ${job.id}` }, options);
  await queue.add('session', { ...job.data, replyTo: `${replyTo} ${job.id}` }, { ...options, jobId: '' });
  await queue.add('session', { ...job.data, replyTo: [replyTo] }, { ...options, jobId: `x${job.id}` });
  await idle();
  t.is(resets(), 1);
  t.is((await call(url, 'qcloud.cam.checksession', session)).returnData.valid, true);
});

const forgedCopies: readonly unknown[] = [
  [{ appid: { a: 1 } }],
  [{ appid: 'wx', loginDurationDays: '9' }],
  { length: 1, 0: {} },
  [null],
  'x',
];

test.serial('a copy of the apps of any other shape is none', async (t) => {
  const apps = createAppSettingsCopy(redis, () => 0);
  const trueApps = await redis.get('wafer:apps');
  const at = Math.floor(Date.now() / 1000);
  t.true((await apps.load())?.length === 1, 'the one that a front end has written');
  for (const copy of forgedCopies) {
    await redis.set('wafer:apps', JSON.stringify({ at, apps: copy }));
    await t.throwsAsync(apps.load(), undefined, JSON.stringify(copy));
  }
  await redis.set('wafer:apps', (trueApps ?? '').replace(/"at":\d+/, `"at":${at + 60}`));
  t.is(await apps.load(), undefined, 'of a time to come');
  await redis.set('wafer:apps', trueApps ?? '[]');
});

const everyPermission = ['default', 'token', 'forget', 'wechat-event'];

test.serial('a copy of the callers that is not sealed here, or for this, is none', async (t) => {
  const [row] = await stack.database.query<{ value: Buffer }>("select value from cWaferKey where name = 'rpc'");
  const seal = createSeal((row as { value: Buffer }).value);
  const copy = createKnownCallersCopy(redis, () => seal);
  const caller = { name: 'x', keyHash: 'a'.repeat(64), appids: null, may: everyPermission };
  const at = Math.floor(Date.now() / 1000);
  await copy.save([caller], at);
  t.deepEqual(await copy.load(), [{ ...caller, may: ['default'] }], 'what has to be granted rests on no copy');
  t.is(await createKnownCallersCopy(redis, () => undefined).load(), undefined, 'before the key is known');
  t.is(
    await createKnownCallersCopy(
      redis,
      () => seal,
      () => at,
    ).load(),
    undefined,
    'of an earlier life of Redis',
  );
  await copy.save([caller], at + 60);
  t.is(await copy.load(), undefined, 'of a time to come');
  const stranger = createSeal(randomBytes(32));
  const text = JSON.stringify({ at, callers: [caller] });
  for (const forged of [text, stranger.seal('callers', text), seal.seal('another purpose', text), 'x', '']) {
    await redis.set('wafer:callers', forged);
    await t.throwsAsync(copy.load(), undefined, forged);
  }
  for (const fault of [{ keyHash: 7 }, { appids: 'wx' }, { appids: undefined }, { may: [1] }, { may: undefined }]) {
    await redis.set('wafer:callers', seal.seal('callers', JSON.stringify({ at, callers: [{ ...caller, ...fault }] })));
    await t.throwsAsync(copy.load(), undefined, JSON.stringify(fault));
  }
});

test.serial('a flood of orders to forget makes nobody a caller, and keeps none from it', async (t) => {
  const { key } = (await runCli(stack.env, ['caller', 'add', 'known', '--json'])).json as { key: string };
  const forged = randomBytes(24).toString('base64url');
  const keyHash = createHash('sha256').update(forged).digest('hex');
  const copy = JSON.stringify([{ name: 'ghost', keyHash, appid: null, appids: null, may: everyPermission }]);
  const order = JSON.stringify({ kind: 'forget-cached', id: 'aaaaaaaaaaaaaaaa' });
  const flooding = { isOn: true };
  const flood = async () => {
    while (flooding.isOn) {
      const orders = redis.pipeline();
      for (let index = 0; index < 20; index++) orders.publish('wafer:control', order);
      await orders.set('wafer:callers', copy).exec();
    }
  };
  const flooded = flood();
  const statuses: Record<'forged' | 'token' | 'known', Set<number>> = {
    forged: new Set(),
    token: new Set(),
    known: new Set(),
  };
  for (let index = 0; index < 60; index++) {
    const [ofForged, token, known] = await Promise.all([
      fetch(`${url}/k/${forged}/mina_auth/`, { method: 'POST', body: '{}' }),
      fetch(`${url}/k/${forged}/token?appid=${testAppid}`),
      fetch(`${url}/k/${key}/mina_auth/`, { method: 'POST', body: '{}' }),
    ]);
    statuses.forged.add(ofForged.status);
    statuses.token.add(token.status);
    statuses.known.add(known.status);
  }
  flooding.isOn = false;
  await flooded;
  // 503 where MySQL does not answer in time.
  t.false(statuses.forged.has(200));
  t.false(statuses.token.has(200));
  t.true(statuses.known.has(200));
  t.false(statuses.known.has(401));
});

test.serial('a forged entry of the cache neither outlives a revocation nor stays', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const key = `wafer:s:${session.id}`;
  await until('the session is cached', async () => isEntry((await redis.get(key)) ?? ''));
  const [head = '', profile] = ((await redis.get(key)) as string).split('\n');
  const fields = head.split(' ');
  const id = 'e1'.repeat(16);
  const now = Math.floor(Date.now() / 1000);
  const isAccepted = async (changes: Readonly<Record<number, string | number>>) => {
    const forged = fields.map((field, index) => changes[index] ?? field).join(' ');
    // As another session, which MySQL does not have; a front end remembers none that was announced.
    await redis.set(`wafer:s:${id}`, `${forged}\n${profile}`);
    await redis.publish('wafer:changed', id);
    const { returnCode } = await auth(url, { id, skey: session.skey });
    return returnCode === 0;
  };
  const [tag, createTime, lastVisit, fence] = [1, 3, 4, 5];
  for (const [what, changes] of Object.entries({
    'create_time ahead': { [createTime]: now + 3600 },
    'last visit ahead': { [lastVisit]: 99_999_999_999 },
    'fence ahead': { [fence]: `${now + 3600}000000` },
    'no number': { [fence]: 'x' },
    'an infinite one': { [createTime]: 'Infinity' },
    'cached long ago': { [tag]: `tag@${now - 90_000}` },
    'cached in the future': { [tag]: `tag@${now + 90_000}` },
    'cached at no time': { [tag]: 'tag' },
  }))
    t.false(await isAccepted(changes), what);
  await until('what does not count is dropped', async () => {
    await auth(url, { id, skey: session.skey });
    return (await redis.exists(`wafer:s:${id}`)) === 0;
  });
  // In the place of a session that there is, MySQL decides, and what it says replaces what is there.
  await redis.set(
    key,
    [...fields.slice(0, fence), '9999999999000000', ...fields.slice(fence + 1)].join(' ') + `\n${profile}`,
  );
  await redis.publish('wafer:changed', session.id);
  t.is((await auth(url, session)).returnCode, 0);
  await until('it is replaced', async () => (await redis.get(key))?.includes(' 9999999999000000 ') === false);
});
