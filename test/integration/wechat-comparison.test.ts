import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';

import { findFreePort } from '../../apps/local/servers/ports.ts';
import type { Simulator } from '../../apps/wechat-simulator/simulator.ts';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { rootDir } from '../support/built.ts';
import { newUser } from '../support/client.ts';
import type { OnClose } from '../support/closing.ts';
import { startTestWechat } from '../support/wechat.ts';

const appid = 'wx0123456789abcdef';
const secret = 'the-secret-of-this-test';

interface Run {
  readonly status: number | null;
  readonly output: string;
}

/** `npm run test:wechat` with these arguments, and the secret on standard input unless it is in the environment. */
async function run(args: readonly string[], env: Record<string, string>, input = ''): Promise<Run> {
  const child = spawn(process.execPath, ['dist/test/wechat/main.js', ...args], {
    cwd: rootDir,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, output };
}

/** Stands for the real WeChat: a simulator whose answers on one path are changed. */
async function startChangedWechat(
  onClose: OnClose,
  path: string,
  change: (fields: Record<string, unknown>) => Record<string, unknown>,
): Promise<{ readonly url: string; readonly wechat: Simulator }> {
  const simulator = await startTestWechat({
    onClose,
    apps: new Map([[appid, secret]]),
    corps: new Map([[appid, secret]]),
  });
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    void (async () => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
      const answer = await fetch(simulator.url + url, method === 'POST' ? { method, body } : {});
      const text = await answer.text();
      const isMeant = url.split('?')[0] === path;
      response
        .writeHead(answer.status)
        .end(isMeant ? JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)) : text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onClose(async () => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, wechat: simulator };
}

const fresh = () => {
  const user = newUser();
  return { user, args: ['--appid', appid, '--code', `${user}~1`, '--phone-code', `${user}~2`] };
};
const onCloseOf =
  (t: ExecutionContext): OnClose =>
  (close) =>
    t.teardown(close);

test.serial('against the simulator itself every call is the same', async (t) => {
  const wechat = await startTestWechat({ onClose: onCloseOf(t), apps: new Map([[appid, secret]]) });
  const { args } = fresh();
  const { status, output } = await run(args, { WECHAT_API_BASE: wechat.url, WECHAT_TEST_SECRET: secret });
  t.is(status, 0, output);
  t.regex(output, /^\d\d calls the same, 0 different, 0 unanswered, 0 not tried$/m);
  t.deepEqual(Object.keys(wechat.stats().paths).toSorted(), [
    '/cgi-bin/stable_token',
    '/sns/jscode2session',
    '/wxa/business/getuserencryptkey',
    '/wxa/business/getuserphonenumber',
    '/wxa/checksession',
    '/wxa/resetusersessionkey',
  ]);
});

test.serial('a unionid is no difference: not every app has one', async (t) => {
  const wechat = await startTestWechat({ onClose: onCloseOf(t), apps: new Map([[appid, secret]]) });
  const args = ['--appid', appid, '--code', `unionid${newUser()}`];
  const { status, output } = await run(args, { WECHAT_API_BASE: wechat.url, WECHAT_TEST_SECRET: secret });
  t.is(status, 0, output);
  t.regex(output, /^not tried {3}getuserphonenumber, fresh code: needs --phone-code$/m);
});

/** What the token services of a platform hand out. */
async function tokensOf(wechat: { readonly url: string }, platform: string) {
  const issue = async (what: string, of: string) => {
    const response = await fetch(`${wechat.url}/_sim/${what}-token?appid=${of}`);
    return ((await response.json()) as { access_token: string }).access_token;
  };
  return { component: await issue('component', platform), authorizer: await issue('authorizer', appid) };
}

const platform = 'wxcomponent0000000';

test.serial('of a platform every call is the same, and its tokens are not printed', async (t) => {
  const wechat = await startTestWechat({ onClose: onCloseOf(t) });
  const tokens = await tokensOf(wechat, platform);
  const env = { WECHAT_API_BASE: wechat.url, WECHAT_TEST_AUTHORIZER_TOKEN: tokens.authorizer };
  const { args } = fresh();
  const { status, output } = await run(
    ['--kind', 'component', '--component', platform, ...args],
    env,
    `${tokens.component}\n`,
  );
  t.is(status, 0, output);
  t.regex(output, /^\d\d calls the same, 0 different, 0 unanswered, 0 not tried$/m);
  t.regex(output, /^same {8}component jscode2session, fresh code$/m);
  t.deepEqual(Object.keys(wechat.stats().paths).toSorted(), [
    '/sns/component/jscode2session',
    '/wxa/business/getuserencryptkey',
    '/wxa/business/getuserphonenumber',
    '/wxa/checksession',
    '/wxa/resetusersessionkey',
  ]);
  for (const token of Object.values(tokens)) t.false(output.includes(token));
});

test.serial('of a platform differences are told; without an authorizer token less is tried', async (t) => {
  const path = '/sns/component/jscode2session';
  const { url, wechat } = await startChangedWechat(onCloseOf(t), path, ({ session_key: key, ...fields }) =>
    key === undefined ? fields : { ...fields, sessionKey: key },
  );
  const { component } = await tokensOf(wechat, platform);
  const { status, output } = await run(['--kind', 'component', '--component', platform, ...fresh().args], {
    WECHAT_API_BASE: url,
    WECHAT_TEST_COMPONENT_TOKEN: component,
  });
  t.is(status, 1, output);
  t.regex(output, /^ {14}session_key: absent at WeChat, string in the simulator$/m);
  t.regex(output, /^not tried {3}checksession, live key: needs WECHAT_TEST_AUTHORIZER_TOKEN$/m);
});

const corpid = 'ww0123456789abcdef';

test.serial('in WeCom every call is the same', async (t) => {
  const wechat = await startTestWechat({ onClose: onCloseOf(t), corps: new Map([[corpid, secret]]) });
  const user = newUser();
  const args = ['--kind', 'wecom', '--corp', corpid, '--code', `${user}~1`];
  const { status, output } = await run(args, { WECOM_API_BASE: wechat.url }, `${secret}\n`);
  t.is(status, 0, output);
  t.regex(output, /^9 calls the same, 0 different, 0 unanswered, 0 not tried$/m);
  t.deepEqual(Object.keys(wechat.stats().paths).toSorted(), [
    '/cgi-bin/gettoken',
    '/cgi-bin/miniprogram/jscode2session',
  ]);
  for (const value of [secret, user]) t.false(output.includes(value));
});

test.serial('in WeCom a difference is reported', async (t) => {
  const { url } = await startChangedWechat(onCloseOf(t), '/cgi-bin/miniprogram/jscode2session', (fields) =>
    'userid' in fields ? { ...fields, deviceid: '1' } : fields,
  );
  const args = ['--kind', 'wecom', '--corp', appid, '--code', `${newUser()}~1`];
  const { status, output } = await run(args, { WECOM_API_BASE: url, WECHAT_TEST_SECRET: secret });
  t.is(status, 1, output);
  t.regex(output, /^different {3}wecom jscode2session, fresh code\n {14}deviceid: string at WeChat, absent/m);
});

test.serial('another name of a field is reported with both sides, and makes the status 1', async (t) => {
  const { url: apiBase } = await startChangedWechat(onCloseOf(t), '/sns/jscode2session', ({ openid, ...fields }) =>
    openid === undefined ? fields : { ...fields, open_id: openid },
  );
  const { args } = fresh();
  const { status, output } = await run(args, { WECHAT_API_BASE: apiBase, WECHAT_TEST_SECRET: secret });
  t.is(status, 1);
  t.regex(
    output,
    /^different {3}jscode2session, fresh code\n {14}open_id: string at WeChat, absent in the simulator\n {14}openid: absent at WeChat, string in the simulator$/m,
  );
  t.regex(output, /^not tried {3}checksession, live key: needs a session/m);
});

test.serial('another type, another errcode and a deeper field are reported', async (t) => {
  const onClose = onCloseOf(t);
  const cases: [string, (fields: Record<string, unknown>) => Record<string, unknown>, RegExp][] = [
    [
      '/cgi-bin/stable_token',
      (fields) => ('expires_in' in fields ? { ...fields, expires_in: '7200' } : fields),
      /expires_in: string at WeChat, number in the simulator/,
    ],
    [
      '/wxa/checksession',
      (fields) => (fields['errcode'] === 87009 ? { ...fields, errcode: 87010 } : fields),
      /errcode: number 87010 at WeChat, number 87009 in the simulator/,
    ],
    [
      '/wxa/business/getuserphonenumber',
      (fields) =>
        'phone_info' in fields
          ? { ...fields, phone_info: { ...(fields['phone_info'] as object), region: 'CN' } }
          : fields,
      /phone_info\.region: string at WeChat, absent in the simulator/,
    ],
  ];
  for (const [path, change, expected] of cases) {
    const { url: apiBase } = await startChangedWechat(onClose, path, change);
    const { status, output } = await run(fresh().args, { WECHAT_API_BASE: apiBase, WECHAT_TEST_SECRET: secret });
    t.is(status, 1);
    t.regex(output, expected);
  }
});

test.serial('neither the secret nor codes, keys, tokens or ids are printed', async (t) => {
  const onClose = onCloseOf(t);
  const secrets: string[] = [secret];
  const { url: apiBase } = await startChangedWechat(onClose, '/cgi-bin/stable_token', (fields) => {
    if (typeof fields['access_token'] === 'string') secrets.push(fields['access_token']);
    return { ...fields, more: 1 };
  });
  const { user, args } = fresh();
  const { openid, sessionKey, unionid } = createUser(appid, user);
  // On standard input this time.
  const { status, output } = await run(args, { WECHAT_API_BASE: apiBase }, `${secret}\n`);
  t.is(status, 1);
  t.is(secrets.length, 2);
  for (const value of [...secrets, openid, sessionKey, unionid, user]) t.false(output.includes(value));
});

test.serial('without a WeChat that answers nothing counts as the same', async (t) => {
  const env = { WECHAT_API_BASE: `http://127.0.0.1:${await findFreePort()}`, WECHAT_TEST_SECRET: secret };
  const { status, output } = await run(fresh().args, env);
  t.is(status, 1);
  t.regex(output, /^unanswered {2}jscode2session, fresh code: no answer \(ECONNREFUSED\)$/m);
  t.regex(output, /^0 calls the same/m);
  t.false(output.includes(secret));
});

test.serial('missing arguments are wrong usage, with what is needed', async (t) => {
  for (const args of [
    [],
    ['--appid', appid],
    ['--unknown'],
    ['--kind', 'other', '--appid', appid, '--code', 'x'],
    ['--kind', 'component', '--appid', appid, '--code', 'x'],
    ['--kind', 'wecom', '--corp', corpid],
    ['--kind', 'wecom', '--corp', corpid, '--code', 'x', '--phone-code', 'y'],
    ['--corp', corpid, '--appid', appid, '--code', 'x'],
  ]) {
    const { status, output } = await run(args, { WECHAT_TEST_SECRET: secret });
    t.is(status, 2, args.join(' '));
    t.true(output.includes('npm run test:wechat'));
  }
});
