import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { call, login, newUser } from '../support/client.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const noCodes: readonly (readonly [title: string, code: string])[] = [
  ['1,024 Chinese characters', '登'.repeat(1024)],
  ['a Chinese character', `${newUser()}录`],
  ['129 letters', 'a'.repeat(129)],
  ['60,000 letters', 'a'.repeat(60_000)],
  ['an emoji', `${newUser()}😀`],
  ['a blank', `${newUser()} `],
  ['a line end', `${newUser()}\n`],
  ['a zero', `${newUser()}\0`],
  ['a per cent sign', `${newUser()}%41`],
  ['another parameter', `${newUser()}&appid=wx`],
  ['a slash', `${newUser()}/../x`],
  ['a plus sign', `${newUser()}+`],
  ['a digit that is none of ASCII', `${newUser()}１`],
];

/** Answers each code by itself: `status<number>…` with that status, any other one well; long URLs like a gateway. */
async function startWechatByCode(t: ExecutionContext) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const code = new URL(request.url as string, 'http://wechat').searchParams.get('js_code') as string;
    asked.push(code);
    const isLong = (request.url as string).length > 2000;
    const status = Number(/^status(\d{3})/.exec(code)?.[1] ?? (isLong ? 414 : 200));
    response.writeHead(status).end(JSON.stringify({ openid: `o-${code}`, session_key: 'MDEyMzQ1Njc4OWFiY2RlZg==' }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test.serial('what is no code of WeChat is 40029, and WeChat is not asked', async (t) => {
  const { urls, wechat } = await startStack({ onClose: t.teardown });
  const { returnData: session } = await login(urls[0], newUser());
  const calls = Object.values(wechat?.stats().paths ?? {});
  for (const [title, code] of noCodes) {
    const { returnCode, reason } = await call(urls[0], 'qcloud.cam.id_skey', { code });
    t.deepEqual([returnCode, reason], [40029, 'code_invalid'], title);
    const phone = await call(urls[0], 'qcloud.cam.phone', { ...session, code });
    t.deepEqual([phone.returnCode, phone.reason], [40029, 'code_invalid'], `${title}, of a phone number`);
  }
  t.deepEqual(Object.values(wechat?.stats().paths ?? {}), calls);
  for (const code of [newUser().padEnd(128, '-_~.Z'), '0aB']) {
    const { returnCode, text } = await call(urls[0], 'qcloud.cam.id_skey', { code });
    t.is(returnCode, 0, text);
  }
});

test.serial('codes that a client makes up, three for each honest one, keep no honest one out', async (t) => {
  const wechat = await startWechatByCode(t);
  const { urls } = await startStack({ onClose: t.teardown, env: { WECHAT_API_BASE: wechat.url } });
  const logIn = async (code: string) => (await call(urls[0], 'qcloud.cam.id_skey', { code })).returnCode;
  const honest: number[] = [];
  for (let round = 0; round < 80; round++) {
    // A gateway before WeChat refuses what is too long, or looks odd to it.
    const made = [...noCodes[round % noCodes.length]!.slice(1), `status414${newUser()}`, `status403${newUser()}`];
    const [code, ...others] = await Promise.all([logIn(newUser()), ...made.map(logIn)]);
    honest.push(code);
    t.deepEqual(others, [40029, 1005, 1005]);
  }
  t.deepEqual([...new Set(honest)], [0]);
});

test.serial('what one caller sends opens the breaker for that one alone', async (t) => {
  const wechat = await startWechatByCode(t);
  const stack = await startStack({ onClose: t.teardown, env: { WECHAT_API_BASE: wechat.url } });
  const [url] = stack.urls;
  const add = async (name: string) => {
    const { json } = await runCli(stack.env, ['caller', 'add', name, '--json']);
    return `${url}/k/${json.key as string}`;
  };
  const [broken, sound] = [await add('broken'), await add('sound')];
  const outcome = async (base: string, code = newUser()) => {
    const { returnCode, reason } = await call(base, 'qcloud.cam.id_skey', { code });
    return `${returnCode} ${reason}`;
  };
  await until('the breaker of that caller opens', async () => {
    await Promise.all(Array.from({ length: 10 }, () => outcome(broken, `status500${newUser()}`)));
    return (await outcome(broken)) === '1005 wechat_breaker';
  });
  t.is(await outcome(sound), '0 null');
  t.is(await outcome(url), '0 null');
});

test.serial('a caller added again under its name gets nothing that its old key brought', async (t) => {
  const stack = await startStack({ onClose: t.teardown, webs: 2 });
  const add = async () => {
    const { json } = await runCli(stack.env, ['caller', 'add', 'agency', '--json']);
    return stack.urls.map((url) => `${url}/k/${json.key as string}`) as [string, string];
  };
  const [old, neighbour] = await add();
  const code = newUser();
  const logIn = (base: string) => call(base, 'qcloud.cam.id_skey', { code });
  const { returnData: session } = await logIn(old);
  const phone = (base: string) => call(base, 'qcloud.cam.phone', { ...session, code: `${code}~phone` });
  t.is((await phone(old)).returnCode, 0);
  t.is((await logIn(neighbour)).returnData.skey, session.skey);
  t.is((await runCli(stack.env, ['caller', 'revoke', 'agency'])).status, 0);
  for (const base of await add()) {
    for (const ask of [logIn, phone]) {
      const { returnCode, reason, returnData } = await ask(base);
      t.deepEqual([returnCode, reason, returnData], [40029, 'code_used', '']);
    }
  }
});

test.serial('a code shows its session for 15 s, through the same caller alone', async (t) => {
  const stack = await startStack({ onClose: t.teardown, webs: 2 });
  const [url, neighbour] = stack.urls as readonly string[] as [string, string];
  const add = async (name: string) => {
    const { json } = await runCli(stack.env, ['caller', 'add', name, '--json']);
    return `/k/${json.key as string}`;
  };
  const [shop, other] = [await add('shop'), await add('other')];
  const { Redis } = await import('ioredis');
  const redis = new Redis(stack.env['REDIS_URL'] as string);
  t.teardown(() => redis.disconnect());
  /** Makes the answer of every code older. */
  const age = async (seconds: number) => {
    for (const pattern of ['{wafer:login:*', 'wafer:phone:*']) {
      for (const key of await redis.keys(pattern)) {
        if (!/:(code|phone):/.test(key)) continue;
        await redis.hset(key, 'at', Number(await redis.hget(key, 'at')) - seconds * 1000);
      }
    }
  };
  const used = [40029, 'code_used'];

  for (const [first, others] of [
    [shop, [other, '']],
    ['', [shop]],
  ] as const) {
    const code = newUser();
    const logIn = async (base: string) => call(base, 'qcloud.cam.id_skey', { code });
    const answer = await logIn(url + first);
    t.is(answer.returnCode, 0, answer.text);
    const phoneCode = `${code}~phone`;
    const phone = (base: string) => call(base, 'qcloud.cam.phone', { ...answer.returnData, code: phoneCode });
    const number = await phone(url + first);
    t.is(number.returnCode, 0, number.text);
    for (const base of [url, neighbour]) {
      t.is((await logIn(base + first)).returnData.skey, answer.returnData.skey);
      t.is((await phone(base + first)).text, number.text);
      for (const path of others) {
        for (const ask of [logIn, phone]) {
          const refused = await ask(base + path);
          t.deepEqual([refused.returnCode, refused.reason, refused.returnData], [...used, '']);
        }
      }
    }
    await age(8);
    t.is((await logIn(url + first)).returnCode, 0);
    t.is((await phone(url + first)).returnCode, 0);
    // The second time as if Redis's clock was set back since.
    for (const seconds of [8, -40]) {
      await age(seconds);
      for (const ask of [logIn, phone]) {
        const late = await ask(url + first);
        t.deepEqual([late.returnCode, late.reason, late.returnData], [...used, '']);
      }
    }
    t.is(stack.wechat?.stats().codes[code], 1);
  }
});
