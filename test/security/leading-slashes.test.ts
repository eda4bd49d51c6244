import test from 'ava';
import { runCli } from '../apps/cli/run-cli.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { lastRequest, rawCall, speak } from '../support/raw-http.ts';
import { startStack } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const sites = await Promise.all(
  (await openBothWays(stack)).map(async ({ how, env, url }) => ({
    how,
    open: url,
    byAddress: await stack.addWeb({ ...env, ALLOWED_CLIENTS: '127.0.0.0/8' }),
    byKey: await stack.addWeb({ ...env, REQUIRE_CALLER_KEY: 'true' }),
  })),
);
const { key } = (await runCli(stack.env, ['caller', 'add', 'slashes', '--json'])).json as { key: string };
const { id, skey } = (await login(stack.urls[0], `${newUser()}~1`)).returnData as { id: string; skey: string };
/** The same check in the lane, and twice past it, for it is no POST and says a header twice. */
const checksOf = (path: string) => {
  const bytes = rawCall('qcloud.cam.auth', { id, skey }).replace(' /mina_auth/ ', ` ${path} `);
  return [bytes, bytes.replace('POST', 'PUT'), bytes.replace('Host: test', 'Host: test\r\nX-A: 1\r\nX-A: 2')];
};
const ask = async (base: string, bytes: string) => (await speak(base, bytes + lastRequest))[0];
const forwardAuth = (path: string) =>
  ['GET', path, `HTTP/1.1\r\nHost: test\r\nX-WX-Id: ${id}\r\nX-WX-Skey: ${skey}\r\n\r\n`].join(' ');

for (const { how, open, byAddress, byKey } of sites) {
  test.serial(`slashes too many before the path change nothing, ${how}`, async (t) => {
    for (const path of [
      '//mina_auth/',
      '///mina_auth',
      '//mina_auth/index.php',
      '//mina_auth/?a=b',
      'http://x//mina_auth/',
    ])
      for (const base of [open, byAddress])
        for (const bytes of checksOf(path)) t.regex((await ask(base, bytes))?.body ?? '', /"returnCode":0,/, path);
    t.is((await ask(open, forwardAuth('//forward-auth')))?.status, 200);
  });

  test.serial(`slashes too many around a caller’s key change nothing, ${how}`, async (t) => {
    for (const path of [`/k/${key}//mina_auth/`, `//k/${key}/mina_auth/`, `///k/${key}///mina_auth/index.php`])
      for (const base of [open, byAddress, byKey])
        for (const bytes of checksOf(path)) t.regex((await ask(base, bytes))?.body ?? '', /"returnCode":0,/, path);
    t.is((await ask(byKey, forwardAuth(`//k/${key}//forward-auth`)))?.status, 200);
  });

  test.serial(`slashes too many let nobody in, ${how}`, async (t) => {
    for (const path of ['//mina_auth/', '//k/nobody//mina_auth/', '/k//mina_auth/', '//k//mina_auth/'])
      for (const bytes of checksOf(path)) t.is((await ask(byKey, bytes))?.status, 401, path);
    for (const path of ['//metrics', '//livez', '//readyz', '///openapi.json', '//', '//x//mina_auth/', '/mina_auth//'])
      for (const bytes of checksOf(path)) t.is((await ask(open, bytes))?.status, 404, path);
    for (const path of ['//metrics', '//livez', `//k/${key}//metrics`, `/k/${key}//k/${key}/mina_auth/`])
      for (const bytes of checksOf(path)) t.true([401, 404].includes((await ask(byKey, bytes))?.status ?? 0), path);
  });
}
