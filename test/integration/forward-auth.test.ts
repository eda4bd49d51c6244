import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

import { createUser } from '../../apps/wechat-simulator/users.ts';
import { rootDir } from '../support/built.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startEchoServer, type EchoedRequest } from '../support/echo-server.ts';
import { startNginx } from '../support/nginx.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { lastRequest, speak } from '../support/raw-http.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const backEnd = await startEchoServer(onClose);
/** The example that people copy, with the ports of this test. */
const config = readFileSync(join(rootDir, 'examples/gateways/nginx.conf'), 'utf8')
  .replaceAll('127.0.0.1:8080', new URL(url).host)
  .replaceAll('127.0.0.1:3000', `127.0.0.1:${backEnd.port}`);
const gateway = await startNginx(config, onClose);
interface TestSession {
  readonly id: string;
  readonly skey: string;
}

const logIn = async (code: string): Promise<TestSession> => (await login(url, code)).returnData as TestSession;
const headersOf = ({ id, skey }: TestSession) => ({ 'X-WX-Id': id, 'X-WX-Skey': skey });
const check = (headers: Record<string, string>, method = 'GET') => fetch(`${url}/forward-auth`, { method, headers });

test.serial('a valid session is 200 with openId, unionId and app in headers, for GET and HEAD', async (t) => {
  const user = `unionid${newUser()}`;
  const session = await logIn(`${user}~1`);
  const { openid, unionid } = createUser(testAppid, user);
  for (const method of ['GET', 'HEAD']) {
    const response = await check(headersOf(session), method);
    t.is(response.status, 200);
    t.is(response.headers.get('x-wafer-openid'), openid);
    t.is(response.headers.get('x-wafer-unionid'), unionid);
    t.is(response.headers.get('x-wafer-appid'), testAppid);
    t.is(response.headers.get('cache-control'), 'no-store');
    t.is(await response.text(), '');
  }
});

test.serial('a user without a unionId has an empty header, whatever the client sent', async (t) => {
  const response = await check(headersOf(await logIn(`${newUser()}~1`)));
  t.is(response.headers.get('x-wafer-unionid'), '');
});

test.serial('a wrong skey, an unknown id and missing headers are 401', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const refused = [
    { ...session, skey: 'wrong' },
    { id: 'nobody', skey: session.skey },
    { id: '', skey: '' },
  ].map(headersOf);
  for (const headers of [...refused, {}]) {
    const response = await check(headers);
    t.is(response.status, 401);
    t.is(response.headers.get('x-wafer-reason'), 'session_invalid');
    t.is(response.headers.get('x-wafer-openid'), null);
    t.deepEqual(await response.json(), { error: 'session_invalid' });
  }
});

test.serial('a session that was ended is 401', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  t.is((await check(headersOf(session))).status, 200);
  await call(url, 'qcloud.cam.logout', session);
  t.is((await check(headersOf(session))).status, 401);
});

test.serial('a check that names an app accepts its sessions only', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  t.is((await check({ ...headersOf(session), 'X-Wafer-Appid': testAppid })).status, 200);
  const unknown = await check({ ...headersOf(session), 'X-Wafer-Appid': 'wxunknown' });
  t.is(unknown.status, 401);
  t.is(unknown.headers.get('x-wafer-reason'), 'unknown_app');
});

test.serial('a check is a visit: it moves last_visit_time, as qcloud.cam.auth does', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const readVisit = async () => {
    const [row] = await stack.database.query('select last_visit_time as visit from cSessionInfo where uuid = ?', [
      session.id,
    ]);
    return String((row as { visit: unknown }).visit);
  };
  const before = await readVisit();
  await until('a check a second after the log-in has moved last_visit_time', async () => {
    t.is((await check(headersOf(session))).status, 200);
    return (await readVisit()) !== before;
  });
});

test.serial('identities with other characters than openIds have are percent-encoded', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const strange = 'o%\r\nX-Evil: 1 用户';
  const other = `id${newUser()}`;
  await stack.database.query(
    `insert into cSessionInfo (uuid, skey, create_time, last_visit_time, open_id, session_key, user_info)
     select ?, skey, create_time, last_visit_time, ?, session_key, user_info from cSessionInfo where uuid = ?`,
    [other, strange, session.id],
  );
  const response = await check(headersOf({ ...session, id: other }));
  t.is(response.status, 200);
  t.is(response.headers.get('x-evil'), null);
  t.is(decodeURIComponent(response.headers.get('x-wafer-openid') ?? ''), strange);
  t.is(response.headers.get('x-wafer-appid'), testAppid);
});

test.serial('a session that was checked a moment ago is remembered: a check asks no store', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const countOf = async (result: string) => {
    const [, count] =
      new RegExp(`wafer_session_lookups_total\\{result="${result}"\\} (\\d+)`).exec(await readFreshMetrics(url)) ?? [];
    return Number(count);
  };
  // The announcement of the log-in may still be under way: then this is not remembered yet.
  await until('the session is remembered', async () => {
    const before = await countOf('remembered');
    await check(headersOf(session));
    return (await countOf('remembered')) > before;
  });
  const before = { remembered: await countOf('remembered'), cached: await countOf('cached') };
  // In the fast lane and by Koa.
  for (const method of ['GET', 'HEAD']) t.is((await check(headersOf(session), method)).status, 200);
  t.is(await countOf('remembered'), before.remembered + 2);
  t.is(await countOf('cached'), before.cached);
});

test.serial('another method is 405', async (t) => {
  const response = await check({}, 'POST');
  t.is(response.status, 405);
  t.is(response.headers.get('allow'), 'GET, HEAD');
});

test.serial('a check that announces a body is the last of its connection', async (t) => {
  const { id, skey } = await logIn(`${newUser()}~1`);
  for (const method of ['GET', 'HEAD', 'POST'])
    for (const announced of ['Content-Length: 60', 'Transfer-Encoding: chunked']) {
      const head = [
        `${method} /forward-auth HTTP/1.1`,
        'Host: test',
        `X-WX-Id: ${id}`,
        `X-WX-Skey: ${skey}`,
        announced,
      ];
      const answers = await speak(url, `${head.join('\r\n')}\r\n\r\n`);
      t.deepEqual(
        answers.map(({ status, headers }) => [status, headers['connection']]),
        [[method === 'POST' ? 405 : 200, 'close']],
        announced,
      );
    }
  const none = [
    'GET /forward-auth HTTP/1.1',
    'Host: test',
    `X-WX-Id: ${id}`,
    `X-WX-Skey: ${skey}`,
    'Content-Length: 0',
  ];
  const answers = await speak(url, `${none.join('\r\n')}\r\n\r\n${lastRequest}`);
  t.is(answers.length, 2, 'without one there may be another request');
});

test.serial('checks are counted under an interface of their own', async (t) => {
  const metrics = await readFreshMetrics(url);
  for (const code of [0, 60012, 1012])
    t.regex(metrics, new RegExp(`wafer_requests_total\\{interface="forward-auth",code="${code}"\\}`));
});

test.serial('nginx passes a request with a valid session on, whole, with the user’s identity', async (t) => {
  const user = newUser();
  const session = await logIn(`${user}~1`);
  const body = 'x'.repeat(100_000);
  const response = await fetch(`${gateway}/orders?page=2`, { method: 'POST', headers: headersOf(session), body });
  t.is(response.status, 200);
  const seen = (await response.json()) as EchoedRequest;
  t.is(seen.method, 'POST');
  t.is(seen.path, '/orders?page=2');
  t.is(seen.body, body);
  t.is(seen.headers['x-wafer-openid'], createUser(testAppid, user).openid);
  t.is(seen.headers['x-wafer-appid'], testAppid);
  t.is(seen.headers['x-wx-skey'], undefined);
});

test.serial('identity headers that a client sends never reach the back end', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const forged = { 'X-Wafer-Openid': 'forged', 'X-Wafer-Unionid': 'forged', 'X-Wafer-Appid': 'forged' };
  const response = await fetch(`${gateway}/`, { headers: { ...headersOf(session), ...forged } });
  t.is(response.status, 200);
  t.false((await response.text()).includes('forged'));
});

test.serial('nginx answers 401 for a session that is not valid, and the back end sees nothing', async (t) => {
  const before = backEnd.requests.length;
  for (const headers of [{}, { 'X-WX-Id': 'nobody', 'X-WX-Skey': 'nothing' }]) {
    t.is((await fetch(`${gateway}/orders`, { headers })).status, 401);
  }
  t.is(backEnd.requests.length, before);
});

test.serial('an error of the back end itself passes through', async (t) => {
  const response = await fetch(`${gateway}/broken`, { headers: headersOf(await logIn(`${newUser()}~1`)) });
  t.is(response.status, 500);
  t.is(((await response.json()) as EchoedRequest).path, '/broken');
});

test.serial('without MySQL a cached session is 200 and an unknown one 503, never 401', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  t.is((await auth(url, session)).returnCode, 0);
  stack.database.cut();
  t.teardown(async () => stack.database.restore());
  t.is((await check(headersOf(session))).status, 200);
  const unknown = headersOf({ id: `nobody${newUser()}`, skey: 'x' });
  const direct = await check(unknown);
  t.is(direct.status, 503);
  t.is(direct.headers.get('retry-after'), '1');
  t.is(direct.headers.get('x-wafer-reason'), 'store_unavailable');

  const before = backEnd.requests.length;
  const throughNginx = await fetch(`${gateway}/orders`, { headers: unknown });
  t.is(throughNginx.status, 503);
  t.is(throughNginx.headers.get('retry-after'), '1');
  t.is(backEnd.requests.length, before);
  t.is((await fetch(`${gateway}/orders`, { headers: headersOf(session) })).status, 200);
});

test.serial('without any app a check is 503, not 401', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  const [row] = await stack.database.query('select secret from cAppinfo where appid = ?', [testAppid]);
  await stack.database.query('delete from cAppinfo');
  t.teardown(async () => {
    await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [
      testAppid,
      (row as { secret: string }).secret,
    ]);
  });
  await until('the front end knows that there is no app', async () => {
    const response = await check(headersOf(session));
    return response.status === 503 && response.headers.get('x-wafer-reason') === 'no_app';
  });
  t.pass();
});
