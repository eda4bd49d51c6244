import test, { type ExecutionContext } from 'ava';
import { execFile } from 'node:child_process';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { promisify } from 'node:util';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { OnClose } from '../support/closing.ts';
import { auth, call, newUser } from '../support/client.ts';
import { startHostileWechat, type HostileWechat, type WechatMood } from '../support/hostile-wechat.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const env = { WECHAT_TIMEOUT_MS: '1000', LOGIN_DEADLINE_MS: '4000' };

async function start(t: ExecutionContext, mood: WechatMood = 'well') {
  // Long where nobody waits for it.
  const timeoutMs = mood === 'silent' || mood === 'endless' ? 1000 : 3500;
  const onClose = t.teardown.bind(t);
  const wechat = await startHostileWechat({ onClose });
  const stack = await startStack({
    onClose,
    env: { ...env, WECHAT_TIMEOUT_MS: String(timeoutMs), WECHAT_API_BASE: wechat.url },
  });
  const logIn = (code = newUser()) => call(stack.urls[0], 'qcloud.cam.id_skey', { code });
  const { returnData: session } = await logIn();
  return { wechat, stack, logIn, isSessionValid: async () => (await auth(stack.urls[0], session)).returnCode === 0 };
}

const sum = ({ asked }: HostileWechat) => [...asked.values()].reduce((total, count) => total + count, 0);

const failures: readonly (readonly [WechatMood, string])[] = [
  ['silent', '1005 wechat_timeout'],
  ['resetting', '1005 wechat_network'],
  ['garbage', '1007 wechat_answer_invalid'],
  ['failing', '1005 wechat_http_502'],
  ['huge', '1007 wechat_answer_invalid'],
  ['endless', '1005 wechat_timeout'],
];

for (const [mood, expected] of failures) {
  test.serial(`log-ins fail clearly, then are shed, then succeed again: WeChat ${mood}`, async (t) => {
    const { wechat, logIn, isSessionValid } = await start(t, mood);
    wechat.mood = mood;
    const askedBefore = sum(wechat);
    const first = await Promise.all(Array.from({ length: 10 }, () => logIn()));
    t.deepEqual([...new Set(first.map(({ returnCode, reason }) => `${returnCode} ${reason}`))], [expected]);
    t.true(await isSessionValid());

    const codes = Array.from({ length: 60 }, () => newUser());
    const later = await Promise.all(codes.map((code) => logIn(code)));
    const shed = codes.filter((_, index) => later[index]?.reason === 'wechat_breaker');
    t.true(shed.length >= 50, `${shed.length} shed`);
    t.true(later.every(({ returnCode }) => returnCode === 1005 || returnCode === 1007));
    t.true(shed.every((code) => !wechat.asked.has(code)));
    t.true(sum(wechat) - askedBefore <= 10 + codes.length - shed.length);
    t.true(await isSessionValid());
    await until('connections that are of no use are closed', () => wechat.connections() <= 1);
    // Ten answers of 10 MB: beyond what the connections themselves hold nothing is taken in.
    t.true(wechat.bytesSent() < 80_000_000, `${wechat.bytesSent()} bytes`);

    wechat.mood = 'well';
    // One success is a probe's; it takes another one until all may call.
    await until('log-ins succeed side by side', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => logIn()));
      return answers.every(({ returnCode }) => returnCode === 0);
    });
    // Their codes were never spent.
    t.true(
      (await Promise.all(shed.slice(0, 10).map((code) => logIn(code)))).every(({ returnCode }) => returnCode === 0),
      'those that were shed succeed with the same code',
    );
    t.true(shed.slice(0, 10).every((code) => wechat.asked.get(code) === 1));
  });
}

test.serial('codes that WeChat refuses do not keep it from being asked', async (t) => {
  const { wechat, logIn } = await start(t);
  wechat.mood = 'refusing';
  const answers = await Promise.all(Array.from({ length: 40 }, () => logIn()));
  t.true(answers.every(({ returnCode, reason }) => returnCode === 40029 && reason === 'wechat:40029'));
  wechat.mood = 'well';
  t.is((await logIn()).returnCode, 0);
});

test.serial('while WeChat is away a few log-ins try, one in hundreds', async (t) => {
  const { wechat, logIn } = await start(t);
  wechat.mood = 'failing';
  await Promise.all(Array.from({ length: 10 }, () => logIn()));
  const askedBefore = sum(wechat);
  const startedAt = performance.now();
  let logins = 0;
  while (performance.now() - startedAt < 2500) {
    await Promise.all(Array.from({ length: 10 }, () => logIn()));
    logins += 10;
  }
  const tries = sum(wechat) - askedBefore;
  const pauses = Math.floor((performance.now() - startedAt) / 1000);
  t.true(tries >= 1 && tries <= 3 * (pauses + 1), `${tries} tries of ${logins} log-ins`);
});

const baseOf = {
  'is not there': async () => `http://127.0.0.1:${await findFreePort()}`,
  'has a certificate that nobody vouches for': async (onClose: OnClose) => {
    const { key, cert } = await createCertificate();
    const server = createHttpsServer({ key, cert }, (_, response) => response.end('{}'));
    return `https://127.0.0.1:${await listen(server, onClose)}`;
  },
  'never ends the TLS handshake': async (onClose: OnClose) => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    return `https://127.0.0.1:${await listen(server, onClose)}`;
  },
};

for (const [how, start] of Object.entries(baseOf)) {
  test.serial(`WeChat ${how}: log-ins are 1005, then shed`, async (t) => {
    const onClose = t.teardown.bind(t);
    const stack = await startStack({ onClose, env: { ...env, WECHAT_API_BASE: await start(onClose) } });
    const logIn = () => call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser() });
    const expected = how.includes('never') ? 'wechat_timeout' : 'wechat_network';
    const first = await Promise.all(Array.from({ length: 10 }, logIn));
    t.deepEqual([...new Set(first.map(({ returnCode, reason }) => `${returnCode} ${reason}`))], [`1005 ${expected}`]);
    // Those that try once a second fail as the first did.
    const later = await Promise.all(Array.from({ length: 20 }, logIn));
    t.true(later.every(({ returnCode }) => returnCode === 1005));
    t.true(later.filter(({ reason }) => reason === 'wechat_breaker').length >= 17);
  });
}

/** Closing waits until the last connection was given up. */
async function listen(server: Server, onClose: OnClose): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onClose(() => new Promise((resolve) => void server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

async function createCertificate(): Promise<{ key: string; cert: string }> {
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    '-',
    '-subj',
    '/CN=127.0.0.1',
    '-days',
    '2',
  ];
  const { stdout } = await promisify(execFile)('openssl', args);
  const [key = '', cert = ''] = stdout.split(/(?=-----BEGIN CERTIFICATE)/);
  return { key, cert };
}
